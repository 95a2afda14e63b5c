import FoundationEssentials
import MediaIO
import ModelZoo
import TensorCore

/// The safety checker that Stable Diffusion's folder may hold, and how it looks at pictures.
struct SafetyCheck: Sendable {
    private let checker: SafetyChecker
    private let device: Device
    private let memory: MemoryBudget

    /// Opens `safety_checker` beside a decoder's other folders; nil where it or its weights are not
    /// there, as many leave them out on purpose.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`, `MemoryError`
    init?(beside decoder: String, device: Device, memory: MemoryBudget) throws {
        let folder = "\(decoder)/safety_checker"
        let files = FileManager.default
        guard files.fileExists(atPath: "\(folder)/config.json"),
            files.names(in: folder).contains(where: {
                $0.hasSuffix(".safetensors") || $0.hasSuffix(".bin")
            })
        else { return nil }
        let config: SafetyCheckerConfig = try ConfigFile.read(from: "\(folder)/config.json")
        let isHalf = !files.names(in: folder).contains { name in
            ["model.safetensors", "pytorch_model.bin"].contains(name)
        }
        let checkpoint = try Checkpoint(folder: folder, variant: isHalf ? "fp16" : nil)
        try memory.reserve(checkpoint.byteCount, for: "The safety checker", mapped: true)
        let weights = Weights(checkpoint, device: device)
        checker = try SafetyChecker(config, from: weights)
        try weights.finish(unused: SafetyChecker.unused)
        self.device = device
        self.memory = memory
    }

    /// Whether a picture, `[3, height, width]` in [0, 1], should not be shown.
    ///
    /// - Throws: `MemoryError` before anything is computed
    func flags(_ picture: Tensor) throws -> Bool {
        let seen = imageBindImage(
            RGBImage(picture), ImageTransformConfig(size: checker.config.imageSize))
        let bytes = try MemoryBudget.bytesNeeded { device in
            let planned = try SafetyChecker(checker.config, from: .shapesOnly(device: device))
            _ = planned.vectors(.zeros([1] + seen.shape, device: device))
        }
        return try memory.reserving(bytes, for: "Checking a picture") {
            checker(seen.unsqueezed(0).on(device))[0]
        }
    }
}
