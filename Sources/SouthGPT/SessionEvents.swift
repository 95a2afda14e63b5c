import Dispatch

extension Session {
    /// Answers on a thread of its own; the events come in order, and the sequence ends with the
    /// reply. Dropping the sequence, or cancelling the task that reads it, stops the work within
    /// one token or one denoising step.
    public func events(for request: Request) -> AsyncThrowingStream<Event, any Error> {
        AsyncThrowingStream { continuation in
            let stop = StopFlag()
            continuation.onTermination = { _ in stop.raise() }
            DispatchQueue(label: "southgpt.session").async {
                do {
                    _ = try self.respond(to: request) { event in
                        if stop.isRaised { throw CancellationError() }
                        continuation.yield(event)
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }
}
