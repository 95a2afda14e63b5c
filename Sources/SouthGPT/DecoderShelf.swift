import Diffusion
import ModelZoo
import Synchronization
import TensorCore

/// The decoders of a model, each opened when a request first may need it.
final class DecoderShelf: Sendable {
    private let folder: ModelFolder
    private let device: Device
    private let memory: MemoryBudget
    private let open = Mutex<[Modality: MediaDecoder]>([:])
    /// Nil before it was looked for.
    private let checks = Mutex<SafetyCheck??>(nil)

    init(_ folder: ModelFolder, device: Device, memory: MemoryBudget) {
        self.folder = folder
        self.device = device
        self.memory = memory
    }

    /// The decoder of a modality: its headers and shapes are checked, its weights mapped.
    func decoder(_ modality: Modality) throws -> MediaDecoder {
        try open.withLock { open in
            if let decoder = open[modality] { return decoder }
            let component = "decoder.\(modality.rawValue)"
            let path = try folder.path(of: component)
            let decoder = try MediaDecoder(
                folder: path, vocabularies: ModelLookup().vocabularies, device: device)
            guard decoder.modality == modality else {
                throw ModelError.malformed(
                    file: "\(folder.path)/\(ModelManifest.fileName)",
                    reason: "names \(path) as '\(component)', but that makes "
                        + "\(decoder.modality.rawValue).")
            }
            try memory.reserve(
                decoder.byteCount, for: "The decoder of \(modality.rawValue)", mapped: true)
            open[modality] = decoder
            return decoder
        }
    }

    /// The safety checker beside the decoder of images, if its weights are there.
    func safetyCheck() throws -> SafetyCheck? {
        try checks.withLock { checks in
            if let check = checks { return check }
            let check = try SafetyCheck(
                beside: folder.path(of: "decoder.image"), device: device, memory: memory)
            checks = .some(check)
            return check
        }
    }

    /// The modalities whose decoders are open.
    var opened: [Modality] {
        open.withLock { open in Modality.allCases.filter { open[$0] != nil } }
    }
}
