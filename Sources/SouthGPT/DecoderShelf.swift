import Diffusion
import ModelZoo
import Synchronization
import TensorCore

/// The decoders of a model, each opened when a request first may need it.
final class DecoderShelf: Sendable {
    private let folder: ModelFolder
    private let device: Device
    private let memory: MemoryBudget
    private struct Entry {
        let decoder: MediaDecoder
        let preview: LatentPreview
        /// Media that it makes now.
        var users = 0
    }

    private let open = Mutex<[Modality: Entry]>([:])
    /// Nil before it was looked for.
    private let checks = Mutex<SafetyCheck??>(nil)

    init(_ folder: ModelFolder, device: Device, memory: MemoryBudget) {
        self.folder = folder
        self.device = device
        self.memory = memory
    }

    /// The decoder of a modality: its headers and shapes are checked, its weights mapped.
    func decoder(_ modality: Modality) throws -> MediaDecoder {
        try open.withLock { try found(modality, in: &$0).decoder }
    }

    private func found(_ modality: Modality, in open: inout [Modality: Entry]) throws -> Entry {
        if let entry = open[modality] { return entry }
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
        func reserve() throws {
            try memory.reserve(
                decoder.byteCount, for: "The decoder of \(modality.rawValue)", mapped: true)
        }
        do { try reserve() } catch let error as MemoryError {
            guard dropIdle(&open) else { throw error }
            try reserve()
        }
        let entry = Entry(decoder: decoder, preview: LatentPreview(decoder))
        open[modality] = entry
        return entry
    }

    /// Makes something with the decoder of a modality, which stays open meanwhile.
    func using<Result>(
        _ modality: Modality, _ body: (MediaDecoder, LatentPreview) throws -> Result
    ) throws -> Result {
        let entry = try open.withLock { open in
            let entry = try found(modality, in: &open)
            open[modality]?.users += 1
            return entry
        }
        defer { open.withLock { $0[modality]?.users -= 1 } }
        return try body(entry.decoder, entry.preview)
    }

    /// Computes `body`; where memory falls short of it, once more without the decoders that nobody
    /// uses. They are opened again when they are needed.
    func makingRoom<Result>(
        keeping kept: Modality? = nil, _ body: () throws -> Result
    ) throws -> Result {
        do { return try body() } catch let error as MemoryError {
            guard open.withLock({ dropIdle(&$0, keeping: kept) }) else { throw error }
            return try body()
        }
    }

    /// Closes the decoders that nobody uses; false where there are none.
    private func dropIdle(
        _ open: inout [Modality: Entry], keeping kept: Modality? = nil
    ) -> Bool {
        let idle = open.filter { $0.value.users == 0 && $0.key != kept }
        for (modality, entry) in idle {
            open[modality] = nil
            memory.release(entry.decoder.byteCount)
        }
        if !idle.isEmpty { TensorMemory.releaseCached() }
        return !idle.isEmpty
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
