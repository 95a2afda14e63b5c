import Synchronization

/// The keys and values of one sequence, layer by layer, as attention left them.
///
/// A cache belongs to one sequence; a forward pass over several sequences takes one for each. It
/// grows by a quarter, or at once to what was reserved.
public final class KVCache: Sendable {
    private struct Layer {
        /// `[kvHeads, capacity, headSize]`, of which the first `length` places are filled.
        var keys: Tensor
        var values: Tensor
        var length: Int
    }

    private struct State {
        var layers: [Layer?]
        /// Places that the next growth makes at least.
        var reserved = 64
    }

    private let state: Mutex<State>

    /// An empty cache for a network of that many layers.
    public init(layers: Int) {
        state = Mutex(State(layers: [Layer?](repeating: nil, count: layers)))
    }

    /// Tokens that every layer holds: the position of the next one.
    public var length: Int {
        state.withLock { state in state.layers.map { $0?.length ?? 0 }.min() ?? 0 }
    }

    /// Bytes that the cache takes.
    public var byteCount: Int {
        state.withLock { state in
            state.layers.reduce(0) {
                $0 + ($1.map { $0.keys.byteCount + $0.values.byteCount } ?? 0)
            }
        }
    }

    /// Lets the next `append` make room for so many tokens at once: a sequence whose length is known
    /// is not copied while it grows, and takes no more than it needs.
    public func reserve(_ tokens: Int) {
        state.withLock { $0.reserved = max(64, tokens) }
    }

    /// Adds new tokens to a layer and returns all of its keys and values.
    ///
    /// - Shapes: `keys`, `values` `[kvHeads, time, headSize]` → `[kvHeads, length, headSize]`,
    ///   views that stay right until the next `append` or `truncate`
    public func append(layer: Int, keys: Tensor, values: Tensor) -> (keys: Tensor, values: Tensor) {
        state.withLock { state in
            let (time, reserved) = (keys.shape[1], state.reserved)
            var entry =
                state.layers[layer]
                ?? Layer(
                    keys: KVCache.room(for: keys, capacity: max(time, reserved)),
                    values: KVCache.room(for: values, capacity: max(time, reserved)), length: 0)
            let needed = entry.length + time
            let capacity = entry.keys.shape[1]
            if needed > capacity {
                // A quarter costs less than attention, which reads it all for every token.
                let larger = reserved >= needed ? reserved : max(needed, capacity * 5 / 4)
                entry.keys = KVCache.grown(entry.keys, entry.length, larger)
                entry.values = KVCache.grown(entry.values, entry.length, larger)
            }
            let backend = keys.device.backend
            backend.store(keys, into: entry.keys.sliced(1, entry.length..<needed))
            backend.store(values, into: entry.values.sliced(1, entry.length..<needed))
            entry.length = needed
            state.layers[layer] = entry
            return (entry.keys.sliced(1, 0..<needed), entry.values.sliced(1, 0..<needed))
        }
    }

    /// Forgets all but the first `length` tokens, to continue from a shared beginning.
    public func truncate(to length: Int) {
        state.withLock { state in
            for index in state.layers.indices {
                let held = state.layers[index]?.length ?? 0
                state.layers[index]?.length = min(length, held)
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
