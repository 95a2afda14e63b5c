import TensorCore

extension LLaMAConfig {
    /// How many rows of a prompt are read in one pass. What a pass holds beside the cache grows with
    /// them, and from some hundreds on they gain no more speed.
    ///
    /// - Parameter length: of the sequence with the prompt. Where it changes how fast pairs turn, the
    ///   prompt is not cut: all of its keys are turned alike in the original
    func rowsInAPass(of length: Int) -> Int {
        func angles(_ length: Int) -> RotaryFrequencies { RotaryFrequencies(self, length: length) }
        return angles(length) == angles(1) ? 512 : length
    }

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
            let embeddings = zeros([rows, hiddenSize])
            let stretch = rowsInAPass(of: rows)
            for start in stride(from: 0, to: rows, by: stretch) {
                let part = embeddings[start..<min(rows, start + stretch)]
                _ = model.logits(model.hiddenStates(part, cache: cache)[0..<1])
            }
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
