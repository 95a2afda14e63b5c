import Foundation
public import TensorCore

/// What all layers of one forward pass share: angles of the rows' positions, and whose rows they
/// are.
struct LLaMAPass: Sendable {
    /// Consecutive rows of one sequence, and what it holds already.
    struct Sequence: Sendable {
        let rows: Range<Int>
        let cache: KVCache
    }

    let cosines: Tensor
    let sines: Tensor
    /// The sequences that the rows of a batch of one belong to; nil where every sample of the
    /// batch is a whole sequence.
    let sequences: [Sequence]?
    let training: LLaMATraining

    /// - Parameter positions: of the rows of each sequence, one after the other
    init(
        _ config: LLaMAConfig, positions: [Range<Int>], sequences: [Sequence]? = nil,
        training: LLaMATraining = LLaMATraining(), device: Device
    ) {
        var (cosines, sines): ([Float], [Float]) = ([], [])
        for range in positions {
            let frequencies = RotaryFrequencies(config, length: range.upperBound)
            for position in range {
                for radians in frequencies.radians {
                    let angle = Double(Float(position) * radians)
                    cosines.append(Float(cos(angle)) * frequencies.scale)
                    sines.append(Float(sin(angle)) * frequencies.scale)
                }
            }
        }
        let shape = [positions.reduce(0) { $0 + $1.count }, config.headSize / 2]
        self.cosines = Tensor(cosines, shape, device: device)
        self.sines = Tensor(sines, shape, device: device)
        self.sequences = sequences
        self.training = training
    }
}

/// What a pass does only while the model is trained.
public struct LLaMATraining: Sendable {
    /// Zeroes elements of what the adapters are given.
    public var dropout: Dropout?
    /// Keeps only what enters each layer and computes the layer once more on the way back: less
    /// memory, a third more time.
    public var recomputesLayers: Bool

    /// Nothing, unless said otherwise.
    public init(dropout: Dropout? = nil, recomputesLayers: Bool = false) {
        (self.dropout, self.recomputesLayers) = (dropout, recomputesLayers)
    }
}

/// Causal self-attention; each head of the keys and values serves a group of query heads.
struct LLaMAAttention: Sendable {
    private let layer: Int
    private let headSize: Int
    private let window: Int?
    private let query: Linear
    private let key: Linear
    private let value: Linear
    private let output: Linear

    init(_ config: LLaMAConfig, layer: Int, from weights: Weights) throws {
        let (hidden, bias) = (config.hiddenSize, config.hasQueryBias)
        let (wide, narrow) = (
            config.numAttentionHeads * config.headSize, config.keyValueHeads * config.headSize
        )
        self.layer = layer
        headSize = config.headSize
        window = config.window(layer: layer)
        query = try Linear(hidden, wide, bias: bias, from: weights["q_proj"])
        key = try Linear(hidden, narrow, bias: bias, from: weights["k_proj"])
        value = try Linear(hidden, narrow, bias: bias, from: weights["v_proj"])
        output = try Linear(wide, hidden, bias: config.hasAttentionBias, from: weights["o_proj"])
    }

    func callAsFunction(_ x: Tensor, residual: Tensor, _ pass: LLaMAPass) -> Tensor {
        let dropout = pass.training.dropout
        let queries = heads(query(x, dropout: dropout))
            .rotated(cosines: pass.cosines, sines: pass.sines)
        let keys = heads(key(x, dropout: dropout))
            .rotated(cosines: pass.cosines, sines: pass.sines)
        let (q, k, v) = (
            queries.permuted(0, 2, 1, 3), keys.permuted(0, 2, 1, 3),
            heads(value(x, dropout: dropout)).permuted(0, 2, 1, 3)
        )
        guard let sequences = pass.sequences else {
            return output(attend(q, k, v), residual: residual, dropout: dropout)
        }
        let mixed = sequences.map { sequence in
            let (keys, values) = sequence.cache.append(
                layer: layer, keys: k[0].sliced(1, sequence.rows),
                values: v[0].sliced(1, sequence.rows))
            return attend(q.sliced(2, sequence.rows), keys.unsqueezed(0), values.unsqueezed(0))
        }
        return output(Tensor.concatenate(mixed, axis: 1), residual: residual)
    }

    /// `[batch, time, heads · headSize]` → `[batch, time, heads, headSize]`
    private func heads(_ x: Tensor) -> Tensor {
        x.reshaped([x.shape[0], x.shape[1], -1, headSize])
    }

    private func attend(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
        let (queries, keys) = (q.shape[2], k.shape[2])
        guard let window, keys > window else { return attention(q, k, v, mask: .causal) }
        // A stretch of queries at a time, and the keys that any of them sees: the mask of a long
        // prompt would be its square.
        let past = keys - queries
        let parts = stride(from: 0, to: queries, by: Self.windowStretch).map { start in
            let end = min(start + Self.windowStretch, queries)
            let seen = max(0, past + start - window + 1)..<(past + end)
            let mask = windowMask(start..<end, seen, past: past, window)
            return attention(
                q.sliced(2, start..<end), k.sliced(2, seen), v.sliced(2, seen),
                mask: .additive(mask.on(q.device)))
        }
        return Tensor.concatenate(parts, axis: 1)
    }

    private static let windowStretch = 512

    /// Query i stands at position `past + i` and sees `window` keys up to there.
    private func windowMask(
        _ queries: Range<Int>, _ keys: Range<Int>, past: Int, _ window: Int
    ) -> Tensor {
        var scores = [Float](repeating: -.infinity, count: queries.count * keys.count)
        for (row, query) in queries.enumerated() {
            let here = past + query
            for key in max(0, here - window + 1)...here {
                scores[row * keys.count + key - keys.lowerBound] = 0
            }
        }
        return Tensor(scores, [queries.count, keys.count])
    }
}
