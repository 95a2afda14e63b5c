import Glibc

import TensorCore

/// How the next token is drawn.
public struct SamplingOptions: Equatable, Sendable {
    /// Divides the logits; 0 takes the likeliest token.
    public var temperature: Float
    /// Keeps the smallest set of likeliest tokens whose probability reaches this; 1 keeps all.
    public var topP: Float
    /// Keeps this many likeliest tokens; 0 keeps all.
    public var topK: Int
    /// Where the draws begin.
    public var seed: UInt64

    /// The published demo's values by default: close to greedy.
    public init(temperature: Float = 1, topP: Float = 0.01, topK: Int = 50, seed: UInt64 = 13) {
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
        self.seed = seed
    }

    /// - Throws: `ModelError.invalidOption`
    func check() throws {
        guard temperature >= 0, temperature.isFinite else {
            throw ModelError.invalidOption(
                name: "temperature", found: "\(temperature)", expected: "0 or more")
        }
        guard topP > 0, topP <= 1 else {
            throw ModelError.invalidOption(
                name: "top-p", found: "\(topP)", expected: "more than 0, at most 1")
        }
        guard topK >= 0 else {
            throw ModelError.invalidOption(name: "top-k", found: "\(topK)", expected: "0 or more")
        }
    }
}

/// Draws tokens: temperature, then top-k, then top-p, then one draw.
package struct Sampler {
    private let options: SamplingOptions
    private var generator: TorchGenerator

    package init(_ options: SamplingOptions) {
        self.options = options
        generator = TorchGenerator(seed: options.seed)
    }

    /// One of the tokens that are not `forbidden`.
    package mutating func draw(_ logits: [Float], forbidden: Set<Int>) -> Int {
        var candidates = logits.indices.filter { !forbidden.contains($0) && !logits[$0].isNaN }
        precondition(!candidates.isEmpty, "no token is allowed")
        if options.temperature == 0 {
            return candidates.max { (logits[$0], $1) < (logits[$1], $0) } ?? candidates[0]
        }
        // Likeliest first; equal ones in the order of their ids.
        candidates.sort { (logits[$1], $0) < (logits[$0], $1) }
        if options.topK > 0, options.topK < candidates.count {
            let least = logits[candidates[options.topK - 1]]
            candidates = Array(candidates.prefix { logits[$0] >= least })
        }
        let largest = logits[candidates[0]]
        var weights = candidates.map { exp((logits[$0] - largest) / options.temperature) }
        if options.topP < 1 {
            let total = weights.reduce(0, +)
            var (mass, kept) = (Float(0), 0)
            while kept < weights.count, kept == 0 || mass < options.topP * total {
                mass += weights[kept]
                kept += 1
            }
            weights = Array(weights.prefix(kept))
        }
        var rest = generator.uniform(1)[0] * weights.reduce(0, +)
        for (candidate, weight) in zip(candidates, weights) {
            rest -= weight
            if rest < 0 { return candidate }
        }
        return candidates[weights.count - 1]
    }
}
