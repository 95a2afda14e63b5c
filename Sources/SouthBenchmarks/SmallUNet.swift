import ModelZoo
public import TensorCore
import Training

/// An unconditional UNet of pixels with attention in its middle: the second of the two networks
/// whose training is timed and held against PyTorch's.
///
/// Reference: diffusers, `UNet2DModel` with blocks `Down AttnDown Down`, `Up AttnUp Up`.
/// - Shapes: `[batch, 3, side, side]` and a timestep of each sample → the same
/// - Checkpoint: as diffusers saves it
public struct SmallUNet: Sendable {
    /// Its sizes; the defaults are those that are timed.
    public struct Config: Sendable {
        public var channels = [64, 128, 128]
        public var groups = 32
        public var headSize = 8
        public var layersPerBlock = 2

        public init() {}
    }

    let config: Config
    let convIn: Convolution
    let time1: Linear
    let time2: Linear
    let down: [Block]
    let mid: Block
    let up: [Block]
    let normOut: GroupNorm
    let convOut: Convolution

    /// Reads or draws the weights.
    public init(_ config: Config = Config(), from weights: Weights) throws {
        self.config = config
        let (channels, layers) = (config.channels, config.layersPerBlock)
        let last = channels.count - 1
        convIn = try Convolution(
            3, channels[0], kernel: [3, 3], padding: [1, 1], from: weights["conv_in"])
        time1 = try Linear(
            channels[0], 4 * channels[0], from: weights["time_embedding"]["linear_1"])
        time2 = try Linear(
            4 * channels[0], 4 * channels[0], from: weights["time_embedding"]["linear_2"])
        down = try channels.indices.map { level in
            let inputs =
                [channels[max(level - 1, 0)]] + [Int](repeating: channels[level], count: layers - 1)
            return try Block(
                config, inputs, channels[level], attends: level == 1,
                resampling: level < last ? .down : nil, from: weights["down_blocks"][level])
        }
        mid = try Block(
            config, [channels[last], channels[last]], channels[last], attends: true,
            resampling: nil, from: weights["mid_block"])
        up = try channels.indices.map { step in
            let level = last - step
            let above = channels[min(level + 1, last)]
            let inputs = (0...layers).map { layer in
                // What the level below or above gives, and the skip of the way down.
                (layer == 0 ? above : channels[level])
                    + (layer == layers ? channels[max(level - 1, 0)] : channels[level])
            }
            return try Block(
                config, inputs, channels[level], attends: step == 1,
                resampling: level > 0 ? .up : nil, from: weights["up_blocks"][step])
        }
        normOut = try GroupNorm(config.groups, channels[0], from: weights["conv_norm_out"])
        convOut = try Convolution(
            channels[0], 3, kernel: [3, 3], padding: [1, 1], from: weights["conv_out"])
    }

    public func callAsFunction(_ x: Tensor, timesteps: [Float]) -> Tensor {
        let waves = sinusoids(of: timesteps, width: config.channels[0], device: x.device)
        let time = time2(time1(waves, activation: .silu)).silu()
        var y = convIn(x)
        var skips = [y]
        for block in down {
            for layer in block.resnets.indices {
                y = block.layer(layer, y, time)
                skips.append(y)
            }
            if let resampled = block.resampled(y) {
                y = resampled
                skips.append(y)
            }
        }
        y = mid.layer(1, mid.layer(0, y, time), time)
        for block in up {
            for layer in block.resnets.indices {
                y = block.layer(layer, Tensor.concatenate([y, skips.removeLast()], axis: 1), time)
            }
            y = block.resampled(y) ?? y
        }
        return convOut(normOut(y, activation: .silu))
    }

    /// Residual blocks of one size, each followed by attention where there is some, and the way to
    /// the next size.
    struct Block: Sendable {
        enum Resampling { case down, up }

        let resnets: [ResnetBlock]
        let attentions: [PixelAttention]
        let downsample: Downsample?
        let upsample: Upsample?

        init(
            _ config: Config, _ inputs: [Int], _ outputs: Int, attends: Bool,
            resampling: Resampling?, from weights: Weights
        ) throws {
            resnets = try inputs.indices.map {
                try ResnetBlock(
                    inputs[$0], outputs, embedding: 4 * config.channels[0], groups: config.groups,
                    epsilon: 1e-5, from: weights["resnets"][$0])
            }
            // The middle has one between its two residual blocks.
            let count = attends ? (resampling == nil ? inputs.count - 1 : inputs.count) : 0
            attentions = try (0..<count).map {
                try PixelAttention(
                    outputs, heads: outputs / config.headSize, groups: config.groups,
                    epsilon: 1e-5, from: weights["attentions"][$0])
            }
            downsample =
                resampling == .down
                ? try Downsample(outputs, padsBothSides: true, from: weights["downsamplers"][0])
                : nil
            upsample =
                resampling == .up ? try Upsample(outputs, from: weights["upsamplers"][0]) : nil
        }

        func layer(_ index: Int, _ x: Tensor, _ time: Tensor) -> Tensor {
            let y = resnets[index](x, embedding: time)
            return index < attentions.count ? attentions[index](y) : y
        }

        func resampled(_ x: Tensor) -> Tensor? { downsample?(x) ?? upsample?(x) }
    }
}

extension SmallUNet {
    /// The mean squared error of the noise that the network finds.
    public func loss(_ x: Tensor, timesteps: [Float], noise: Tensor) -> Tensor {
        (self(x, timesteps: timesteps) - noise).squared().mean()
    }

    /// One step of AdamW over `batch` images of 32² pixels.
    static func trainingStep(batch: Int, device: Device) throws -> () throws -> Void {
        let weights = Weights.fresh(seed: 13, device: device)
        let model = try SmallUNet(from: weights)
        let shape = [batch, 3, 32, 32]
        let (x, noise) = (uneven(shape, device), uneven(shape, device))
        let timesteps = (0..<batch).map { Float($0 * 61 % 1000) }
        let optimizer = try PhaseOptimizer(
            TrainingPhase("all", [ParameterGroup("all", weights.parameters)]), OptimizerConfig(),
            communicator: Communicator())
        return {
            let loss = withGradients { model.loss(x, timesteps: timesteps, noise: noise) }
            try optimizer.accumulate(loss, isLast: true)
            _ = try optimizer.step(rate: 1e-3, clip: nil)
        }
    }
}
