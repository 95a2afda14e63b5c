public import TensorCore

// A classifier of small media: convolutions over each frame, then one answer to each question.

/// The network of a judge. It is ours, so that what it measures depends on no other model.
///
/// Each convolution is 3×3 with a stride of two, normalised in groups; a frame's features and then
/// those of all frames go through one layer each, and every slot reads the result by a map of its own.
public struct JudgeNetwork: Sendable {
    /// Groups of each normalisation.
    static let groups = 8
    /// What it looks at and answers.
    public let config: JudgeConfig
    let convolutions: [Convolution]
    let norms: [GroupNorm]
    let frame: Linear
    let whole: Linear
    let answers: [Linear]
    /// Its weights, in order.
    let parameters: [Parameter]

    /// Reads or draws the weights.
    ///
    /// - Throws: `CheckpointError` where the file disagrees
    public init(_ config: JudgeConfig, from weights: Weights) throws {
        self.config = config
        var (convolutions, norms): ([Convolution], [GroupNorm]) = ([], [])
        var (inputs, height, width) = config.picture
        for (index, outputs) in config.channels.enumerated() {
            convolutions.append(
                try Convolution(
                    inputs, outputs, kernel: [3, 3], stride: [2, 2], padding: [1, 1],
                    from: weights["convolutions"][index]))
            norms.append(
                try GroupNorm(JudgeNetwork.groups, outputs, from: weights["norms"][index]))
            (inputs, height, width) = (outputs, (height + 1) / 2, (width + 1) / 2)
        }
        self.convolutions = convolutions
        self.norms = norms
        frame = try Linear(inputs * height * width, config.frameFeatures, from: weights["frame"])
        whole = try Linear(
            config.frameCount * config.frameFeatures, config.features, from: weights["whole"])
        answers = try config.slots.map {
            try Linear(config.features, $0.values.count, from: weights["answers"][$0.name])
        }
        parameters = weights.parameters
    }

    /// What stands for media: the space that Fréchet distances are taken in.
    ///
    /// - Shapes: `[batch, frames, channels, height, width]` → `[batch, features]`
    public func features(_ media: Tensor, dropout: Dropout? = nil) -> Tensor {
        let batch = media.shape[0]
        var x = media.reshaped([batch * config.frameCount] + media.shape.dropFirst(2))
        for (convolution, norm) in zip(convolutions, norms) {
            x = norm(convolution(x), activation: .relu)
        }
        let frames = frame(x.reshaped(batch * config.frameCount, -1), activation: .relu)
        var all = frames.reshaped(batch, -1)
        if let dropout { all = dropout(all, layer: "whole") }
        return whole(all, activation: .relu)
    }

    /// The scores of each slot's values: `[batch, features]` → `[batch, values]` each.
    public func logits(_ features: Tensor) -> [Tensor] { answers.map { $0(features) } }
}
