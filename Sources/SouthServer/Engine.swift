import Dialogue
import Dispatch
import SouthGPT
import Synchronization
import TensorCore

/// The model behind the server: opened while the server listens already. Replies that are written at
/// a time share the passes of its language model; media are made one after another.
public final class Engine: Sendable {
    private enum Phase {
        case loading
        case ready(ServedModel)
        case failed(String)
    }

    /// Something that happened while a reply was made, and in the end the reply.
    enum Step: Sendable {
        case event(Event)
        case finished(Response)
    }

    /// The name that clients see.
    public let name: String
    package let queue: RequestQueue
    let counters = Counters()
    private let phase = Mutex(Phase.loading)
    /// Threads that compute now; one whose client left needs until its next token or layer.
    private let computing = Mutex(0)
    /// Conversations that nobody has at present, the latest last, with what was said in each: who
    /// goes on with one is not read again from its beginning.
    private let idle = Mutex<[(session: ServedSession, turns: [Turn])]>([])

    /// Begins to open a model.
    ///
    /// - Parameters:
    ///   - waiting: requests that may wait
    ///   - seats: replies that are written at a time
    ///   - open: opens it, on a thread of its own
    public init(
        name: String, waiting: Int, seats: Int = 8,
        open: @escaping @Sendable () throws -> ServedModel
    ) {
        self.name = name
        queue = RequestQueue(limit: waiting, seats: seats)
        DispatchQueue(label: "southgpt.engine").async { [self] in
            let result = Result { try open() }
            phase.withLock { phase in
                switch result {
                case .success(let model): phase = .ready(model)
                case .failure(let error): phase = .failed("\(error)")
                }
            }
        }
    }

    /// `loading`, `ok`, or why the model cannot be used.
    var state: String {
        phase.withLock { phase in
            switch phase {
            case .loading: "loading"
            case .ready: "ok"
            case .failed(let reason): reason
            }
        }
    }

    /// Waits until the model is open.
    ///
    /// - Throws: what kept it from being opened; `CancellationError`
    public func opened() async throws {
        while true {
            switch phase.withLock({ $0 }) {
            case .ready: return
            case .failed(let reason): throw ServerError.unable(reason)
            case .loading: try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// The open model, where it is the whole system.
    ///
    /// - Throws: `ServerError.loading`, `.unable`
    var model: MultimodalModel {
        get throws {
            guard case .multimodal(let model) = try served else {
                throw ServerError.unable("This model reads and writes text alone.")
            }
            return model
        }
    }

    /// The open model.
    ///
    /// - Throws: `ServerError.loading`, `.unable`
    var served: ServedModel {
        get throws {
            try phase.withLock { phase in
                switch phase {
                case .ready(let model): return model
                case .loading: throw ServerError.loading
                case .failed(let reason):
                    throw ServerError.unable("The model cannot be used: \(reason)")
                }
            }
        }
    }

    /// Whether a request waits or is worked on, or was until just now.
    var isComputing: Bool {
        get async {
            let isAsked = await queue.isBusy
            return isAsked || computing.withLock { $0 > 0 }
        }
    }

    /// Does work on a thread of its own.
    private func compute(_ work: @escaping @Sendable () -> Void) {
        computing.withLock { $0 += 1 }
        DispatchQueue(label: "southgpt.engine").async { [self] in
            defer { computing.withLock { $0 -= 1 } }
            work()
        }
    }

    /// Makes one reply when its turn comes.
    ///
    /// - Parameter onStep: called in order; what it throws ends the work within one token or
    ///   denoising step, as does the task's cancellation
    /// - Throws: `ServerError`, `CancellationError`, and what `Session.respond` throws
    func reply(
        to request: Request, after turns: [Turn],
        onStep: @Sendable (Event) async throws -> Void = { _ in }
    ) async throws -> Response {
        let model = try served
        return try await queue.run(makes: request.output?.text == false) {
            for try await step in self.steps(of: model, request, turns) {
                switch step {
                case .event(let event): try await onStep(event)
                case .finished(let response):
                    self.counters.count(response)
                    return response
                }
            }
            // The sequence ends early when the task is cancelled.
            throw CancellationError()
        }
    }

    /// The idle conversation that has most in common with `turns`, or a new one.
    private func session(_ model: ServedModel, for turns: [Turn]) -> ServedSession {
        idle.withLock { idle in
            func shared(_ index: Int) -> Int {
                zip(idle[index].turns, turns).prefix { $0 == $1 }.count
            }
            let best = idle.indices.max { (shared($0), $1) < (shared($1), $0) }
            // One of another dialogue is taken only where there may be no more of them.
            guard let best, shared(best) > 0 || idle.count >= Engine.kept else {
                return model.newSession()
            }
            return idle.remove(at: best).session
        }
    }

    /// Keeps a conversation for whoever goes on with it.
    private func keep(_ session: ServedSession, _ turns: [Turn]) {
        idle.withLock { idle in
            idle.append((session, turns))
            if idle.count > Engine.kept { idle.removeFirst() }
        }
    }

    /// Conversations that are kept for who may go on with them: each holds its cache.
    private static let kept = 4

    /// Forgets the conversations that nobody has; false where there are none.
    private func forgetIdle() -> Bool {
        let forgotten = idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
        if forgotten.isEmpty { return false }
        TensorMemory.releaseCached()
        return true
    }

    /// Runs other work of the model in turn with the replies, on a thread of its own.
    ///
    /// - Parameter work: calls `goOn` now and then, which throws where nobody wants it any more
    func run<Result: Sendable>(
        _ work:
            @escaping @Sendable (MultimodalModel, _ goOn: () throws -> Void) throws -> Result
    ) async throws -> Result {
        let (model, stop) = (try model, StopFlag())
        return try await queue.run {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    compute {
                        continuation.resume(
                            with: Swift.Result {
                                try work(model) { if stop.isRaised { throw CancellationError() } }
                            })
                    }
                }
            } onCancel: {
                stop.raise()
            }
        }
    }

    private func steps(
        of model: ServedModel, _ request: Request, _ turns: [Turn]
    ) -> AsyncThrowingStream<Step, any Error> {
        AsyncThrowingStream { continuation in
            let stop = StopFlag()
            continuation.onTermination = { _ in stop.raise() }
            compute { [self] in
                var hasSpoken = false
                func respond() throws -> Response {
                    let session = session(model, for: turns)
                    let response = try session.respond(to: request, after: turns) { event in
                        if stop.isRaised { throw CancellationError() }
                        if case .text = event { hasSpoken = true }
                        continuation.yield(.event(event))
                    }
                    keep(session, turns + [request.turn])
                    return response
                }
                do {
                    var response: Response
                    do { response = try respond() } catch let error as MemoryError {
                        guard !hasSpoken, forgetIdle() else { throw error }
                        response = try respond()
                    }
                    continuation.yield(.finished(response))
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }
}

extension Request {
    /// What it says, as part of a dialogue.
    fileprivate var turn: Turn {
        Turn(.human, media.map { .medium($0) } + (prompt.isEmpty ? [] : [.text(prompt)]))
    }
}
