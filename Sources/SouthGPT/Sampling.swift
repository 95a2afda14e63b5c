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
    /// Drops tokens whose probability is less than this part of the likeliest one's; 0 keeps all.
    public var minP: Float = 0
    /// Divides the scores above zero of tokens that occurred, and multiplies those below; 1 leaves
    /// them.
    public var repetitionPenalty: Float = 1
    /// Taken from the score of every token that occurred.
    public var presencePenalty: Float = 0
    /// Added to the scores of single tokens.
    public var logitBias: [Int: Float] = [:]
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
        guard minP >= 0, minP <= 1 else {
            throw ModelError.invalidOption(name: "min-p", found: "\(minP)", expected: "0 to 1")
        }
        guard repetitionPenalty > 0, repetitionPenalty.isFinite else {
            throw ModelError.invalidOption(
                name: "repetition-penalty", found: "\(repetitionPenalty)", expected: "more than 0")
        }
        guard presencePenalty.isFinite, logitBias.values.allSatisfy(\.isFinite) else {
            throw ModelError.invalidOption(
                name: "presence-penalty or logit-bias", found: "no number",
                expected: "finite numbers")
        }
    }
}

/// Draws tokens: penalties and biases, temperature, top-k, top-p, min-p, then one draw.
///
/// - Source: transformers 4.29.2 and 5.23, `logits_process.py`
package struct Sampler {
    private let options: SamplingOptions
    private var generator: TorchGenerator

    package init(_ options: SamplingOptions) {
        self.options = options
        generator = TorchGenerator(seed: options.seed)
    }

    /// One of the tokens that are not `forbidden`.
    ///
    /// - Parameter history: the tokens that penalties fall on
    /// - Throws: `ModelError.scoresNotFinite` where a score is no number, or the greatest infinite
    package mutating func draw(
        _ scores: [Float], forbidden: Set<Int>, after history: [Int] = []
    ) throws -> Int {
        let logits = adjusted(scores, history)
        var candidates = logits.indices.filter { !forbidden.contains($0) }
        precondition(!candidates.isEmpty, "no token is allowed")
        let greatest = candidates.reduce(-Float.infinity) { max($0, logits[$1]) }
        guard greatest.isFinite, !candidates.contains(where: { logits[$0].isNaN }) else {
            throw ModelError.scoresNotFinite
        }
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
        if options.minP > 0 {
            // Relative to the likeliest, whose weight is one.
            weights = Array(weights.prefix { $0 >= options.minP * weights[0] })
        }
        var rest = generator.uniform(1)[0] * weights.reduce(0, +)
        for (candidate, weight) in zip(candidates, weights) {
            rest -= weight
            if rest < 0 { return candidate }
        }
        return candidates[weights.count - 1]
    }

    private func adjusted(_ scores: [Float], _ history: [Int]) -> [Float] {
        var scores = scores
        if options.repetitionPenalty != 1 || options.presencePenalty != 0 {
            for id in Set(history) where scores.indices.contains(id) {
                let score = scores[id]
                let penalty = options.repetitionPenalty
                scores[id] =
                    (score < 0 ? score * penalty : score / penalty)
                    - options.presencePenalty
            }
        }
        for (id, bias) in options.logitBias where scores.indices.contains(id) {
            scores[id] += bias
        }
        return scores
    }
}
