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
            cache.reserve(rows + reply)
            func zeros(_ shape: Shape) -> Tensor { .zeros(shape, device: device) }
            _ = model.logits(
                model.hiddenStates(zeros([rows, hiddenSize]), cache: cache)[0..<1])
            // Token by token the reply costs one row at a time: less than reading did.
        }
    }

    /// The same where several dialogues are read one after the other and answered together.
    package func bytesNeeded(readingInTurn rows: [Int], writing reply: Int) throws -> Int {
        guard let longest = rows.max() else { return 0 }
        let token = 2 * numHiddenLayers * keyValueHeads * headSize * DType.float32.byteCount
        let all = rows.reduce(0) { $0 + ($1 + reply) * token }
        return try bytesNeeded(reading: longest, writing: reply) + all - (longest + reply) * token
    }
}
