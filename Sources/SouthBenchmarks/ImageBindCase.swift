import Foundation
import ModelZoo
public import TensorCore

/// One of ImageBind's towers at the published sizes with random weights of one type: what
/// `southgpt-bench imagebind` times on both sides.
public struct ImageBindCase: Codable, Equatable, Sendable {
    /// What it embeds.
    public enum Input: String, Codable, Sendable, CaseIterable {
        /// One picture.
        case vision
        /// One sound of three clips.
        case audio
    }

    /// What is embedded.
    public let input: Input
    /// The type that matrices are stored in.
    public let weights: DType
    /// What seconds are counted by.
    public var time = TimeMeasure.wall
    /// The file; empty until it is written.
    public private(set) var path = ""

    /// Every case.
    public static let all = [DType.float32, .bfloat16].flatMap { dtype in
        Input.allCases.map { ImageBindCase(input: $0, weights: dtype) }
    }

    private init(input: Input, weights: DType) { (self.input, self.weights) = (input, weights) }

    /// The name, unique among the cases.
    public var name: String {
        let what = input == .vision ? "one picture" : "one sound of three clips"
        return "ImageBind \(input.rawValue), \(what), \(weights.rawValue)"
    }

    /// Writes both towers into a folder and returns the case of that file.
    ///
    /// - Throws: `CheckpointError`
    public func written(in folder: String) throws -> ImageBindCase {
        var written = self
        written.path =
            URL(filePath: folder).appending(component: "\(weights.rawValue).safetensors").path
        guard !FileManager.default.fileExists(atPath: written.path) else { return written }
        let shapes = Weights.shapesOnly()
        _ = try ImageBind(.huge, from: shapes)
        var drawn = DrawnOnce(as: weights)
        try Safetensors.write(
            shapes.parameters.map { ($0.name, try drawn.tensor($0.name, $0.value.shape).tensor()) },
            metadata: ["format": "pt"], to: written.path)
        return written
    }

    /// Opens the file, which is mapped, and returns one run.
    ///
    /// - Throws: `CheckpointError`, `ConfigError`
    public func prepared() throws -> () -> Void {
        let config = ImageBindConfig.huge
        let network = try ImageBind(config, from: Weights(Checkpoint(contentsOf: path)))
        switch input {
        case .vision:
            let image = uneven([1, 3, config.vision.imageSize, config.vision.imageSize], .cpu)
            return { _ = network.embed(image, .image).floats() }
        case .audio:
            let (audio, clips) = (config.audio, config.audio.clips)
            let sound = uneven([1, clips, 1, audio.melBins, audio.frames], .cpu)
            return { _ = network.embed(sound, .audio).floats() }
        }
    }

    /// Bytes of the weights that a run reads.
    ///
    /// - Throws: `CheckpointError`
    public func weightBytes() throws -> Int {
        try Checkpoint(contentsOf: path).tensors
            .filter {
                $0.name.split(separator: ".").dropFirst().first.map(String.init) == input.rawValue
            }
            .reduce(0) { $0 + $1.byteCount }
    }
}
