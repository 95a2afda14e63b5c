import Synchronization

/// The keys and values of one sequence, layer by layer, as attention left them.
///
/// A cache belongs to one sequence; a forward pass over several sequences takes one for each. It
/// grows by doubling, so that appending a token costs one token.
public final class KVCache: Sendable {
    private struct Layer {
        /// `[kvHeads, capacity, headSize]`, of which the first `length` places are filled.
        var keys: Tensor
        var values: Tensor
        var length: Int
    }

    private let layers: Mutex<[Layer?]>

    /// An empty cache for a network of that many layers.
    public init(layers: Int) {
        self.layers = Mutex([Layer?](repeating: nil, count: layers))
    }

    /// Tokens that every layer holds: the position of the next one.
    public var length: Int {
        layers.withLock { layers in layers.map { $0?.length ?? 0 }.min() ?? 0 }
    }

    /// Bytes that the cache takes.
    public var byteCount: Int {
        layers.withLock { layers in
            layers.reduce(0) { $0 + ($1.map { $0.keys.byteCount + $0.values.byteCount } ?? 0) }
        }
    }

    /// Adds new tokens to a layer and returns all of its keys and values.
    ///
    /// - Shapes: `keys`, `values` `[kvHeads, time, headSize]` → `[kvHeads, length, headSize]`,
    ///   views that stay right until the next `append` or `truncate`
    public func append(layer: Int, keys: Tensor, values: Tensor) -> (keys: Tensor, values: Tensor) {
        layers.withLock { layers in
            let time = keys.shape[1]
            var entry =
                layers[layer]
                ?? Layer(
                    keys: KVCache.room(for: keys, capacity: max(time, 64)),
                    values: KVCache.room(for: values, capacity: max(time, 64)), length: 0)
            let needed = entry.length + time
            if needed > entry.keys.shape[1] {
                let capacity = max(needed, entry.keys.shape[1] * 2)
                entry.keys = KVCache.grown(entry.keys, entry.length, capacity)
                entry.values = KVCache.grown(entry.values, entry.length, capacity)
            }
            let backend = keys.device.backend
            backend.store(keys, into: entry.keys.sliced(1, entry.length..<needed))
            backend.store(values, into: entry.values.sliced(1, entry.length..<needed))
            entry.length = needed
            layers[layer] = entry
            return (entry.keys.sliced(1, 0..<needed), entry.values.sliced(1, 0..<needed))
        }
    }

    /// Forgets all but the first `length` tokens, to continue from a shared beginning.
    public func truncate(to length: Int) {
        layers.withLock { layers in
            for index in layers.indices {
                let held = layers[index]?.length ?? 0
                layers[index]?.length = min(length, held)
            }
        }
    }

    private static func room(for example: Tensor, capacity: Int) -> Tensor {
        .zeros(
            [example.shape[0], capacity, example.shape[2]], example.dtype, device: example.device)
    }

    private static func grown(_ old: Tensor, _ length: Int, _ capacity: Int) -> Tensor {
        let new = room(for: old, capacity: capacity)
        old.device.backend.store(old.sliced(1, 0..<length), into: new.sliced(1, 0..<length))
        return new
    }
}
