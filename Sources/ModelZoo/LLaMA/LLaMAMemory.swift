import TensorCore

extension LLaMAConfig {
    /// Rows of a prompt that are read in one pass. What a pass holds beside the cache grows with
    /// them, and from some hundreds on they gain no more speed.
    static let longestPass = 512

    /// Whether a prompt with which a sequence gets so long may be read in several passes. Where that
    /// length changes how fast pairs turn, the original turns all keys of the prompt by it.
    func mayCutPrompt(endingAt length: Int) -> Bool {
        RotaryFrequencies(self, length: length) == RotaryFrequencies(self, length: 1)
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
            let stretch = mayCutPrompt(endingAt: rows) ? LLaMAConfig.longestPass : max(rows, 1)
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
