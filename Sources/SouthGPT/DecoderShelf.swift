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
            let decoder = try MediaDecoder(folder: path, device: device)
            guard decoder.modality == modality else {
                throw ModelError.malformed(
                    file: "\(folder.path)/\(ModelManifest.fileName)",
                    reason: "names \(path) as '\(component)', but that makes "
                        + "\(decoder.modality.rawValue).")
            }
            try memory.reserve(decoder.byteCount, for: "The decoder of \(modality.rawValue)")
            open[modality] = decoder
            return decoder
        }
    }

    /// The modalities whose decoders are open.
    var opened: [Modality] {
        open.withLock { open in Modality.allCases.filter { open[$0] != nil } }
    }
}

extension GenerationOptions {
    /// What a decoder is asked for: the caller's settings, else the model's, else its own.
    func decoderOptions(_ modality: Modality, _ defaults: GenerationDefaults) -> DecoderOptions {
        var options = DecoderOptions()
        options.seed = seed
        options.steps =
            switch modality {
            case .image: imageSteps ?? defaults.imageSteps
            case .audio: audioSteps ?? defaults.audioSteps
            case .video: videoSteps ?? defaults.videoSteps
            }
        options.guidance = guidance ?? defaults.guidance
        options.height = height ?? defaults.height
        options.width = width ?? defaults.width
        options.frames = frames ?? defaults.frames
        options.audioSeconds = audioSeconds ?? defaults.audioSeconds
        return options
    }
}
