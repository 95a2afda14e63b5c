import ModelZoo
import TensorCore

extension LanguageModel {
    /// Answers several prompts of any length side by side, each as if it were alone: the weights are
    /// read once for a token of every reply.
    ///
    /// - Parameter onText: gets pieces of whole characters with the place of their prompt; what it
    ///   throws ends all replies within one token
    /// - Throws: `ModelError`, `MemoryError`, or what `onText` threw
    public func respond(
        toAll prompts: [String], template given: ChatTemplate? = nil, system: String? = nil,
        options: GenerationOptions = GenerationOptions(),
        onText: (Int, String) throws -> Void = { _, _ in }
    ) throws -> [Response] {
        let template = given ?? self.template
        let options = options.completed(by: defaults)
        let limit = try options.tokenLimit()
        var clock = Stopwatch()
        var replies = try prompts.map { prompt in
            guard !prompt.isEmpty || template == .raw else { throw ModelError.emptyRequest }
            let turn = ChatTemplate.Turn(.human, prompt)
            let ids = try template.ids(of: template.prompt([turn], system: system), in: tokenizer)
            try check(ids, reply: limit)
            return BatchedReply(
                ids: ids, cache: network.newCache(),
                reply: try TextReply(of: self, template, options))
        }
        let lengths = replies.map(\.ids.count)
        return try memory.reserving(
            try network.config.bytesNeeded(readingInTurn: lengths, writing: limit),
            for: "Reading \(prompts.count) dialogues"
        ) {
            for index in replies.indices {
                replies[index].cache.reserve(lengths[index] + limit)
                replies[index].scores =
                    states(after: replies[index].ids, replies[index].cache).scores
            }
            let prefill = clock.lap()
            try write(&replies, onText)
            let text = clock.lap()
            return replies.enumerated().map { index, made in
                var response = Response()
                response.promptTokens = lengths[index]
                response.generatedTokens = made.reply.tokens
                response.seconds = ["prefill": prefill, "text": text]
                response.segments = [.text(made.reply.text)]
                return response
            }
        }
    }

    /// Token by token, all replies that go on in one pass.
    private func write(
        _ replies: inout [BatchedReply], _ onText: (Int, String) throws -> Void
    ) throws {
        while true {
            try Task.checkCancellation()
            let active = replies.indices.filter { !replies[$0].reply.hasEnded }
            var fed: [Int] = []
            for index in active {
                guard let scores = replies[index].scores?.floats() else { continue }
                let id = try replies[index].reply.draw(scores, after: replies[index].ids) {
                    try onText(index, $0)
                }
                guard let id, !replies[index].reply.hasEnded else { continue }
                replies[index].ids.append(id)
                fed.append(index)
            }
            if fed.isEmpty { return }
            let chunks = fed.map { index in
                let last = Int32(replies[index].ids[replies[index].ids.count - 1])
                return (
                    embeddings: network.embedTokens(Tensor([last], device: device)),
                    cache: replies[index].cache
                )
            }
            let states = network.hiddenStates(chunks)
            let scores = network.logits(.concatenate(states, axis: 0))
            for (row, index) in fed.enumerated() { replies[index].scores = scores[row] }
        }
    }
}

/// One of several replies that are made side by side.
private struct BatchedReply {
    /// What the model has read, and the token that it reads next.
    var ids: [Int]
    let cache: KVCache
    var reply: TextReply
    /// What the next token is drawn from, `[vocabulary]`.
    var scores: Tensor?
}
