import TensorCore

extension LLaMAConfig {
    /// Bytes of tensors that a model of this size holds at its peak, weights aside, while it reads
    /// `rows` of a dialogue and writes `reply` more. Nothing is computed.
    ///
    /// - Throws: `ConfigError` for variants that are not supported
    public func bytesNeeded(reading rows: Int, writing reply: Int) throws -> Int {
        try MemoryBudget.bytesNeeded { device in
            let model = try LLaMA(self, from: .shapesOnly(device: device))
            let cache = model.newCache()
            func zeros(_ shape: Shape) -> Tensor { .zeros(shape, device: device) }
            _ = model.hiddenStates(zeros([rows, hiddenSize]), cache: cache)
            // Token by token the reply costs one row at a time, and what the cache grows by.
            let added = zeros([keyValueHeads, reply, headSize])
            for layer in 0..<numHiddenLayers {
                _ = cache.append(layer: layer, keys: added, values: added)
            }
            _ = model.logits(model.hiddenStates(zeros([1, hiddenSize]), cache: cache))
        }
    }
}
