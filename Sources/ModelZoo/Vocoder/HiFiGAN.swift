// HiFi-GAN, from mel spectrograms to sound.
// Paper: Kong et al. 2020, arXiv:2010.05646. Reference: transformers, `SpeechT5HifiGan`.
// Checkpoint: the vocoder folder of AudioLDM; files with weight normalisation pass through
// `Checkpoint.foldingWeightNorm`.

public import TensorCore

/// `config.json` of transformers' `SpeechT5HifiGan`.
public struct HiFiGANConfig: Codable, Equatable, Sendable {
    public var modelInDim: Int
    public var samplingRate: Int
    public var upsampleInitialChannel: Int
    public var upsampleRates: [Int]
    public var upsampleKernelSizes: [Int]
    public var resblockKernelSizes: [Int]
    public var resblockDilationSizes: [[Int]]
    public var leakyReluSlope: Float
    public var normalizeBefore: Bool?

    /// A vocoder of these sizes; three dilations a block, and no normalisation of its input.
    public init(
        melBins: Int, sampleRate: Int = 16000, initialChannels: Int, upsampleRates: [Int],
        upsampleKernelSizes: [Int], resblockKernelSizes: [Int] = [3, 7, 11]
    ) {
        modelInDim = melBins
        samplingRate = sampleRate
        upsampleInitialChannel = initialChannels
        self.upsampleRates = upsampleRates
        self.upsampleKernelSizes = upsampleKernelSizes
        self.resblockKernelSizes = resblockKernelSizes
        resblockDilationSizes = resblockKernelSizes.map { _ in [1, 3, 5] }
        leakyReluSlope = 0.1
        normalizeBefore = false
    }

    var normalizesInput: Bool { normalizeBefore ?? true }

    /// Refuses sizes that cannot be.
    package func check() throws {
        func require(_ key: String, _ found: Int, _ range: ClosedRange<Int>) throws {
            try ConfigError.require("vocoder", key, found, in: range)
        }
        let (stages, kernels) = (upsampleRates.count, resblockKernelSizes.count)
        try require("upsample_rates.count", stages, 1...16)
        try require("upsample_kernel_sizes.count", upsampleKernelSizes.count, stages...stages)
        try require("resblock_kernel_sizes.count", kernels, 1...16)
        try require("resblock_dilation_sizes.count", resblockDilationSizes.count, kernels...kernels)
        try require("model_in_dim", modelInDim, 1...65536)
        try require("sampling_rate", samplingRate, 1...1_000_000)
        try require("upsample_initial_channel", upsampleInitialChannel, 1...65536)
        try ConfigError.require(
            "vocoder", "upsample_initial_channel", upsampleInitialChannel, multipleOf: 1 << stages)
        for (rate, kernel) in zip(upsampleRates, upsampleKernelSizes) {
            try require("upsample_rates", rate, 1...4096)
            try require("upsample_kernel_sizes", kernel, rate...8192)
        }
        for (kernel, dilations) in zip(resblockKernelSizes, resblockDilationSizes) {
            try require("resblock_kernel_sizes", kernel, 1...1023)
            // An even kernel would change the length, and the sum with the input be none.
            try ConfigError.require("vocoder", "resblock_kernel_sizes % 2", kernel % 2, in: [1])
            for dilation in dilations { try require("resblock_dilation_sizes", dilation, 1...1024) }
        }
    }
}

/// A vocoder: transposed convolutions up to the sample rate, each followed by residual blocks of
/// several kernel sizes side by side.
public struct HiFiGAN: Sendable {
    /// Statistics of the training set, in every file; used where `normalizeBefore` says so.
    public static let unusedTensors = ["mean", "scale"]

    /// What it was built from.
    public let config: HiFiGANConfig
    let statistics: (mean: Parameter, scale: Parameter)?
    let convIn: Convolution
    let stages: [(upsample: TransposedConvolution, blocks: [DilatedBlock])]
    let convOut: Convolution

    /// Reads or draws the weights.
    ///
    /// - Throws: `ConfigError` for sizes that cannot be, `CheckpointError` where the file
    ///   disagrees with the configuration
    public init(_ config: HiFiGANConfig, from weights: Weights) throws {
        try config.check()
        self.config = config
        let (bins, kernels) = (config.modelInDim, config.resblockKernelSizes.count)
        statistics =
            config.normalizesInput
            ? (
                try weights.parameter("mean", [bins], initial: .zeros),
                try weights.parameter("scale", [bins], initial: .ones)
            ) : nil
        convIn = try Convolution(
            bins, config.upsampleInitialChannel, kernel: [7], padding: [3],
            from: weights["conv_pre"])
        stages = try config.upsampleRates.indices.map { stage in
            let (rate, kernel) = (config.upsampleRates[stage], config.upsampleKernelSizes[stage])
            let outputs = config.upsampleInitialChannel >> (stage + 1)
            let upsample = try TransposedConvolution(
                2 * outputs, outputs, kernel: [kernel], stride: [rate],
                padding: [(kernel - rate) / 2], from: weights["upsampler"][stage])
            let blocks = try (0..<kernels).map { index in
                try DilatedBlock(
                    outputs, kernel: config.resblockKernelSizes[index],
                    dilations: config.resblockDilationSizes[index], slope: config.leakyReluSlope,
                    from: weights["resblocks"][kernels * stage + index])
            }
            return (upsample, blocks)
        }
        convOut = try Convolution(
            config.upsampleInitialChannel >> stages.count, 1, kernel: [7], padding: [3],
            from: weights["conv_post"])
    }

    /// The sound of a spectrogram.
    ///
    /// - Shapes: `[batch, frames, melBins]`, natural logarithms → `[batch, samples]` in (−1, 1);
    ///   published: 160 · frames + 32 samples, of which a caller keeps what it asked for
    public func callAsFunction(_ spectrogram: Tensor) -> Tensor { self(spectrogram, onLayer: {}) }

    /// The sound, and a look at the world before every layer: a long one may take a minute.
    ///
    /// - Parameter onLayer: what it throws ends the work
    public func callAsFunction(
        _ spectrogram: Tensor, onLayer: () throws -> Void
    ) rethrows -> Tensor {
        precondition(
            spectrogram.rank == 3 && spectrogram.shape[2] == config.modelInDim,
            "HiFiGAN: spectrogram \(spectrogram.shape) for \(config.modelInDim) bins")
        var x = spectrogram
        if let statistics { x = (x - statistics.mean.value) / statistics.scale.value }
        x = convIn(x.transposed())
        for (upsample, blocks) in stages {
            try onLayer()
            x = upsample(x.leakyReLU(config.leakyReluSlope))
            let parts = try blocks.map { try $0(x, onLayer) }
            x = parts.dropFirst().reduce(parts[0], +) * (1 / Float(parts.count))
        }
        // The last slope is PyTorch's default, not the configuration's.
        return convOut(x.leakyReLU(0.01)).tanh().squeezed(1)
    }
}

/// Pairs of a dilated and a plain convolution, around each of which the input is added.
///
/// - Shapes: `[batch, channels, n]` → the same
/// - Checkpoint: `convs1.m convs2.m`
struct DilatedBlock: Sendable {
    let pairs: [(dilated: Convolution, plain: Convolution)]
    let slope: Float

    init(
        _ channels: Int, kernel: Int, dilations: [Int], slope: Float, from weights: Weights
    ) throws {
        self.slope = slope
        func convolution(dilation: Int, _ view: Weights) throws -> Convolution {
            try Convolution(
                channels, channels, kernel: [kernel], padding: [(kernel - 1) * dilation / 2],
                dilation: [dilation], from: view)
        }
        pairs = try dilations.enumerated().map { index, dilation in
            (
                try convolution(dilation: dilation, weights["convs1"][index]),
                try convolution(dilation: 1, weights["convs2"][index])
            )
        }
    }

    func callAsFunction(_ x: Tensor, _ onLayer: () throws -> Void) rethrows -> Tensor {
        try pairs.reduce(x) { x, pair in
            try onLayer()
            return x + pair.plain(pair.dilated(x.leakyReLU(slope)).leakyReLU(slope))
        }
    }
}
