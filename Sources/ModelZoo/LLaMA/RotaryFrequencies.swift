// How fast each pair of a head turns, and how releases stretch that for long contexts.
// Papers: Su et al. 2021, arXiv:2104.09864; Peng et al. 2023 (YaRN), arXiv:2309.00071;
// Ding et al. 2024 (LongRoPE), arXiv:2402.13753. Reference: transformers, modeling_rope_utils.py.

import Foundation

/// Rotary angles of a release: their base, and how they are stretched for long contexts.
public struct RotaryConfig: Codable, Equatable, Sendable {
    /// The kind, in old files.
    public var type: String?
    /// The kind, in new files.
    public var ropeType: String?
    public var ropeTheta: Double?
    /// How far the context is stretched.
    public var factor: Double?
    /// Tokens the model was trained on at once before its context was stretched.
    public var originalMaxPositionEmbeddings: Int?
    /// llama3: where the frequencies between stay, and where they are divided by the factor.
    public var lowFreqFactor: Double?
    public var highFreqFactor: Double?
    /// yarn: turns over the original context between which the frequencies are blended.
    public var betaFast: Double?
    public var betaSlow: Double?
    public var mscale: Double?
    public var mscaleAllDim: Double?
    /// yarn: whether the blend begins and ends at whole pairs.
    public var truncate: Bool?
    /// yarn and longrope: multiplies queries and keys.
    public var attentionFactor: Double?
    /// longrope: what each frequency is divided by, within the original context and beyond it.
    public var shortFactor: [Double]?
    public var longFactor: [Double]?

    /// Angles of that kind; everything else as given later.
    public init(type: String? = nil) { ropeType = type }

    /// The kind, whichever key has it.
    var kind: String? { ropeType ?? type }

    static let kinds = ["default", "linear", "dynamic", "llama3", "yarn", "longrope"]
}

/// The angles by which pairs turn from one position to the next.
package struct RotaryFrequencies: Equatable, Sendable {
    /// Radians for each position, one a pair.
    package let radians: [Float]
    /// Multiplies sines and cosines.
    package let scale: Float

    /// - Parameter length: how long the sequence is with the rows of this pass, which some kinds
    ///   depend on
    package init(_ config: LLaMAConfig, length: Int) {
        let scaling = config.rotaryScaling
        let kind = scaling?.kind ?? "default"
        let size = config.headSize
        let factor = scaling?.factor ?? 1
        let base = kind == "dynamic" ? config.grownBase(length, factor) : config.rotaryBase
        // Rounded as the original rounds them: at large positions the rounding shows.
        let plain = (0..<(size / 2)).map { 1 / Float(pow(base, Double(2 * $0) / Double(size))) }
        switch (kind, scaling) {
        case ("linear", _):
            radians = plain.map { $0 / Float(factor) }
            scale = 1
        case ("llama3", .some(let scaling)):
            radians = plain.map { scaling.llama3($0, context: config.originalContext) }
            scale = 1
        case ("yarn", .some(let scaling)):
            radians = scaling.yarn(plain, config)
            scale = Float(scaling.yarnScale)
        case ("longrope", .some(let scaling)):
            let original = config.originalContext
            let divisors = (length > original ? scaling.longFactor : scaling.shortFactor) ?? []
            radians = zip(plain, divisors).map { $0 / Float($1) }
            scale = Float(scaling.longRopeScale(config.contextLength, original))
        default:
            radians = plain
            scale = 1
        }
    }
}

extension LLaMAConfig {
    /// How the angles are stretched, from whichever key says it.
    var rotaryScaling: RotaryConfig? { ropeParameters ?? ropeScaling }

    /// The context before it was stretched.
    var originalContext: Int {
        rotaryScaling?.originalMaxPositionEmbeddings ?? originalMaxPositionEmbeddings
            ?? contextLength
    }

    /// The base of a sequence that has outgrown the context.
    fileprivate func grownBase(_ length: Int, _ factor: Double) -> Double {
        let (size, context) = (Double(headSize), Double(contextLength))
        let stretch = factor * max(Double(length), context) / context - (factor - 1)
        return rotaryBase * pow(stretch, size / (size - 2))
    }

    /// - Throws: `ConfigError` for a kind that is not known, or numbers that it cannot be made of
    func validateRotation() throws {
        func require(_ key: String, _ value: Double?, in range: ClosedRange<Double>) throws {
            guard value.map({ !range.contains($0) }) ?? true else { return }
            throw ConfigError.unsupported(
                config: "LLaMA", key: key, found: value.map { "\($0)" } ?? "absent",
                expected: "\(range.lowerBound) to \(range.upperBound)")
        }
        try require("rope_theta", rotaryBase, in: 1.000_001...1e12)
        guard let scaling = rotaryScaling, let kind = scaling.kind else { return }
        try ConfigError.require("LLaMA", "rope_scaling", kind, in: RotaryConfig.kinds)
        if ["linear", "dynamic", "llama3", "yarn"].contains(kind) {
            try require("factor", scaling.factor, in: 1...1e6)
        }
        if kind == "dynamic" { try require("head_dim", Double(headSize), in: 4...1e6) }
        try require(
            "original_max_position_embeddings", Double(originalContext), in: 2...Double(1 << 30))
        if kind == "llama3" {
            try require("low_freq_factor", scaling.lowFreqFactor, in: 1e-6...1e6)
            let low = scaling.lowFreqFactor ?? 1
            try require("high_freq_factor", scaling.highFreqFactor, in: low.nextUp...1e6)
        }
        for (key, factors) in [
            ("short_factor", scaling.shortFactor), ("long_factor", scaling.longFactor),
        ] where kind == "longrope" {
            try ConfigError.require("LLaMA", key, factors?.count ?? 0, in: [headSize / 2])
            for factor in factors ?? [] { try require(key, factor, in: 1e-6...1e6) }
        }
    }
}

extension RotaryConfig {
    /// Slow pairs are slowed by the factor, fast ones left, and those between are blended.
    fileprivate func llama3(_ radians: Float, context: Int) -> Float {
        let (low, high) = (Float(lowFreqFactor ?? 1), Float(highFreqFactor ?? 4))
        let (context, factor) = (Float(context), Float(self.factor ?? 1))
        let wavelength = 2 * Float.pi / radians
        if wavelength < context / high { return radians }
        if wavelength > context / low { return radians / factor }
        let smooth = (context / wavelength - low) / (high - low)
        return (1 - smooth) * radians / factor + smooth * radians
    }

    /// As above, blended along the pairs between two numbers of turns over the original context.
    fileprivate func yarn(_ plain: [Float], _ config: LLaMAConfig) -> [Float] {
        let (size, context) = (Double(config.headSize), Double(config.originalContext))
        func pair(turns: Double) -> Double {
            size * log(context / (turns * 2 * .pi)) / (2 * log(config.rotaryBase))
        }
        var (low, high) = (pair(turns: betaFast ?? 32), pair(turns: betaSlow ?? 1))
        if truncate ?? true { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        (low, high) = (max(low, 0), min(high, size - 1))
        if low == high { high += 0.001 }
        let factor = Float(self.factor ?? 1)
        return plain.enumerated().map { index, radians in
            let ramp = Float(min(max((Double(index) - low) / (high - low), 0), 1))
            return radians / factor * ramp + radians * (1 - ramp)
        }
    }

    fileprivate var yarnScale: Double {
        if let attentionFactor { return attentionFactor }
        let factor = self.factor ?? 1
        func magnitude(_ weight: Double) -> Double {
            factor > 1 ? 0.1 * weight * log(factor) + 1 : 1
        }
        if let mscale, let mscaleAllDim, mscale != 0, mscaleAllDim != 0 {
            return magnitude(mscale) / magnitude(mscaleAllDim)
        }
        return magnitude(1)
    }

    fileprivate func longRopeScale(_ context: Int, _ original: Int) -> Double {
        if let attentionFactor { return attentionFactor }
        let factor = self.factor ?? Double(context) / Double(original)
        return factor > 1 ? (1 + log(factor) / log(Double(original))).squareRoot() : 1
    }
}
