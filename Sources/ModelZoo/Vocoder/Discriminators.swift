// What HiFi-GAN's generator is trained against: networks that tell real sounds from made ones.
// Paper: Kong et al. 2020, arXiv:2010.05646. They are needed for training alone and no release of
// a vocoder holds them. All convolutions are weight-normalised by the view they are read from.

public import TensorCore

/// The sizes of HiFi-GAN's discriminators; the defaults are the paper's.
public struct DiscriminatorConfig: Codable, Equatable, Sendable {
    /// Samples from one column of a folded sound to the next; a discriminator for each.
    public var periods: [Int]
    /// Channels of the convolutions along the columns.
    public var periodChannels: [Int]
    /// Discriminators of the sound at a rate of 1, ½, ¼…
    public var scales: Int
    /// Channels of the convolutions along the sound; the first, the strided and the last.
    public var scaleChannels: [Int]
    /// Channel groups of those.
    public var scaleGroups: [Int]

    /// Discriminators of these sizes.
    public init(
        periods: [Int] = [2, 3, 5, 7, 11], periodChannels: [Int] = [32, 128, 512, 1024, 1024],
        scales: Int = 3, scaleChannels: [Int] = [128, 128, 256, 512, 1024, 1024, 1024],
        scaleGroups: [Int] = [1, 4, 16, 16, 16, 16, 1]
    ) {
        (self.periods, self.periodChannels) = (periods, periodChannels)
        (self.scales, self.scaleChannels, self.scaleGroups) = (scales, scaleChannels, scaleGroups)
    }

    /// Refuses sizes that cannot be.
    package func check() throws {
        let name = "discriminators"
        func require(_ key: String, _ found: Int, _ range: ClosedRange<Int>) throws {
            try ConfigError.require(name, key, found, in: range)
        }
        try require("periods.count", periods.count, 0...32)
        for period in periods { try require("periods", period, 1...4096) }
        try require("period_channels.count", periodChannels.count, 2...16)
        try require("scales", scales, 0...8)
        try require("periods.count + scales", periods.count + scales, 1...40)
        try require("scale_channels.count", scaleChannels.count, 7...7)
        try require("scale_groups.count", scaleGroups.count, 7...7)
        for channels in periodChannels + scaleChannels {
            try require("channels", channels, 1...65536)
        }
        for (index, groups) in scaleGroups.enumerated() {
            try require("scale_groups", groups, 1...65536)
            let inputs = index == 0 ? 1 : scaleChannels[index - 1]
            try ConfigError.require(name, "scale_channels", inputs, multipleOf: groups)
            try ConfigError.require(
                name, "scale_channels", scaleChannels[index], multipleOf: groups)
        }
    }
}

/// What one discriminator made of some sounds.
public struct Judgement: Sendable {
    /// Near one where it takes a sound for real: `[batch, places]`.
    public let scores: Tensor
    /// What its layers found on the way.
    public let features: [Tensor]
}

/// All discriminators of one training.
public struct Discriminators: Sendable {
    private let periods: [PeriodDiscriminator]
    private let scales: [ScaleDiscriminator]

    /// Draws them, or reads those of a run that goes on.
    ///
    /// - Throws: `ConfigError`, `CheckpointError`
    public init(_ config: DiscriminatorConfig, from weights: Weights) throws {
        try config.check()
        let (mpd, msd) = (weights["mpd.discriminators"], weights["msd.discriminators"])
        periods = try config.periods.enumerated().map {
            try PeriodDiscriminator($1, config.periodChannels, from: mpd[$0])
        }
        scales = try (0..<config.scales).map {
            try ScaleDiscriminator(config.scaleChannels, config.scaleGroups, from: msd[$0])
        }
    }

    /// The judgements of all, those of periods first.
    ///
    /// - Shapes: `[batch, samples]`, more samples than the longest period
    public func callAsFunction(_ sounds: Tensor) -> [Judgement] {
        precondition(sounds.rank == 2, "Discriminators: sounds \(sounds.shape)")
        var x = sounds.unsqueezed(1)
        var judgements = periods.map { $0(x) }
        for (index, discriminator) in scales.enumerated() {
            if index > 0 { x = x.halvedRate() }
            judgements.append(discriminator(x))
        }
        return judgements
    }
}

/// Looks at every p-th sample together: the sound folded into columns, convolved along them.
///
/// - Checkpoint: `convs.n conv_post`
struct PeriodDiscriminator: Sendable {
    private let period: Int
    private let convolutions: [Convolution]
    private let last: Convolution

    init(_ period: Int, _ channels: [Int], from weights: Weights) throws {
        self.period = period
        convolutions = try channels.indices.map { index in
            try Convolution(
                index == 0 ? 1 : channels[index - 1], channels[index], kernel: [5, 1],
                stride: [index == channels.count - 1 ? 1 : 3, 1], padding: [2, 0],
                from: weights["convs"][index])
        }
        last = try Convolution(
            channels[channels.count - 1], 1, kernel: [3, 1], padding: [1, 0],
            from: weights["conv_post"])
    }

    func callAsFunction(_ sounds: Tensor) -> Judgement {
        var x = sounds
        let rest = x.shape[2] % period
        if rest > 0 { x = x.padded([(0, 0), (0, 0), (0, period - rest)], .reflect) }
        x = x.reshaped([x.shape[0], 1, x.shape[2] / period, period])
        return judged(x, convolutions, last)
    }
}

/// Looks at the sound as it is, by grouped convolutions of long kernels.
///
/// - Checkpoint: `convs.n conv_post`
struct ScaleDiscriminator: Sendable {
    private let convolutions: [Convolution]
    private let last: Convolution

    init(_ channels: [Int], _ groups: [Int], from weights: Weights) throws {
        let kernels = [15, 41, 41, 41, 41, 41, 5]
        let strides = [1, 2, 2, 4, 4, 1, 1]
        convolutions = try channels.indices.map { index in
            try Convolution(
                index == 0 ? 1 : channels[index - 1], channels[index], kernel: [kernels[index]],
                stride: [strides[index]], padding: [kernels[index] / 2], groups: groups[index],
                from: weights["convs"][index])
        }
        last = try Convolution(
            channels[channels.count - 1], 1, kernel: [3], padding: [1], from: weights["conv_post"])
    }

    func callAsFunction(_ sounds: Tensor) -> Judgement { judged(sounds, convolutions, last) }
}

/// Convolutions, each followed by a leaky rectifier, and the scores in the end. What every one of
/// them finds is a feature, the scores among them.
private func judged(_ x: Tensor, _ convolutions: [Convolution], _ last: Convolution) -> Judgement {
    var (x, features) = (x, [Tensor]())
    for convolution in convolutions {
        x = convolution(x).leakyReLU(0.1)
        features.append(x)
    }
    let scores = last(x)
    return Judgement(scores: scores.flattened(1...(scores.rank - 1)), features: features + [scores])
}

extension Tensor {
    /// Means of four samples every two, zeros beyond the ends: `AvgPool1d(4, 2, padding: 2)`.
    fileprivate func halvedRate() -> Tensor {
        let geometry = ConvolutionGeometry(stride: [2], padding: [2], dilation: [1])
        return convolved(with: .full([1, 1, 4], 0.25, device: device), geometry)
    }
}
