import FoundationEssentials
import ModelZoo
import SouthGPT

extension Exchange {
    /// `POST /v1/chat/completions`
    func chat(_ body: Data) async throws -> Answer {
        let asked = try limits.read(DialogueRequest.self, from: body)
        try asked.check(limits)
        _ = try engine.served
        let (turns, last) = try asked.turns(media.path)
        let head = Completion(
            id: "chatcmpl-\(media.newName())", model: engine.name, isChunk: asked.stream ?? false)
        guard asked.stream ?? false else {
            return .work { [self] in
                await replying {
                    let response = try await engine.reply(to: last, after: turns)
                    var reply = head
                    reply.choices = [
                        Completion.Choice(
                            message: try message(response),
                            finishReason: response.finishReason)
                    ]
                    reply.usage = response.usage
                    reply.seconds = response.seconds
                    reply.seed = last.options.seed
                    return Reply(json: reply)
                }
            }
        }
        // Told before the stream begins, while there still is a status to tell it with.
        try await engine.queue.checkRoom()
        var streamed = last
        streamed.options.previewEvery = Exchange.previewEvery
        let request = streamed
        let wantsUsage = asked.streamOptions?.includeUsage ?? false
        return .events { [self] send in
            try await stream(head, request, turns, wantsUsage: wantsUsage, send)
        }
    }

    /// Denoising steps between previews.
    private static let previewEvery = 4

    private func stream(
        _ head: Completion, _ request: Request, _ turns: [Turn], wantsUsage: Bool,
        _ send: @Sendable (Data) async throws -> Void
    ) async throws {
        try await send(event(head.chunk(.init(role: "assistant", content: ""))))
        do {
            let response = try await engine.reply(to: request, after: turns) { [self] step in
                switch step {
                case .text(let piece):
                    try await send(event(head.chunk(.init(content: piece))))
                case .progress(let progress):
                    // Text shows by itself that it is being written.
                    guard progress.job != .thinking || progress.completed == 0 else { return }
                    try await send(
                        event(
                            head.chunk(
                                .init(progress: try .init(progress)))))
                case .medium(let medium):
                    try await send(event(head.chunk(.init(parts: [try piece(medium)]))))
                }
            }
            var last = head.chunk(.init(), finish: response.finishReason)
            last.seconds = response.seconds
            last.seed = request.options.seed
            try await send(event(last))
            if wantsUsage {
                var usage = head
                usage.usage = response.usage
                try await send(event(usage))
            }
        } catch let error as CancellationError {
            throw error
        } catch {
            let (status, text, _) = self.error(error)
            try await send(event(ErrorBody(text, status: status)))
        }
        try await send(Data("data: [DONE]\n\n".utf8))
    }

    private func message(_ response: Response) throws -> Completion.Message {
        let parts = try response.segments.map { segment in
            switch segment {
            case .text(let text): ReplyPiece(text: text)
            case .medium(let medium): try piece(medium)
            }
        }
        return .init(role: "assistant", content: response.text, parts: parts)
    }

    /// Writes a medium into the media folder.
    func piece(_ medium: GeneratedMedium) throws -> ReplyPiece {
        ReplyPiece(
            medium.modality, url: "/v1/media/\(try media.store(medium))", caption: medium.caption)
    }
}

/// One server-sent event.
func event(_ value: some Encodable) -> Data {
    Data("data: ".utf8) + jsonData(value) + Data("\n\n".utf8)
}
