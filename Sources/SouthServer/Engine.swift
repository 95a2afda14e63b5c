import Dispatch
import ModelZoo
public import SouthGPT
import Synchronization
import TensorCore

/// The model behind the server: opened while the server listens already, one reply at a time, for
/// each takes all cores.
public final class Engine: Sendable {
    private enum Phase {
        case loading
        case ready(MultimodalModel, Session)
        case failed(String)
    }

    /// Something that happened while a reply was made, and in the end the reply.
    enum Step: Sendable {
        case event(Event)
        case finished(Response)
    }

    /// The name that clients see.
    public let name: String
    let queue: RequestQueue
    let counters = Counters()
    private let phase = Mutex(Phase.loading)

    /// Begins to open a model.
    ///
    /// - Parameters:
    ///   - waiting: requests that may wait
    ///   - open: opens it, on a thread of its own
    public init(
        name: String, waiting: Int, open: @escaping @Sendable () throws -> MultimodalModel
    ) {
        self.name = name
        queue = RequestQueue(limit: waiting)
        DispatchQueue(label: "southgpt.engine").async { [self] in
            let result = Result { try open() }
            phase.withLock { phase in
                switch result {
                case .success(let model): phase = .ready(model, Session(model))
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

    /// The open model.
    ///
    /// - Throws: `ServerError.loading`, `.unable`
    var model: MultimodalModel { get throws { try current.0 } }

    private var current: (MultimodalModel, Session) {
        get throws {
            try phase.withLock { phase in
                switch phase {
                case .ready(let model, let session): return (model, session)
                case .loading: throw ServerError.loading
                case .failed(let reason):
                    throw ServerError.unable("The model cannot be used: \(reason)")
                }
            }
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
        let (_, session) = try current
        return try await queue.run {
            for try await step in Engine.steps(session, request, turns) {
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

    /// Runs other work of the model in turn with the replies, on a thread of its own.
    func run<Result: Sendable>(
        _ work: @escaping @Sendable (MultimodalModel) throws -> Result
    ) async throws -> Result {
        let (model, _) = try current
        return try await queue.run {
            try await withCheckedThrowingContinuation { continuation in
                DispatchQueue(label: "southgpt.engine").async {
                    continuation.resume(with: Swift.Result { try work(model) })
                }
            }
        }
    }

    private static func steps(
        _ session: Session, _ request: Request, _ turns: [Turn]
    ) -> AsyncThrowingStream<Step, any Error> {
        AsyncThrowingStream { continuation in
            let stop = StopFlag()
            continuation.onTermination = { _ in stop.raise() }
            DispatchQueue(label: "southgpt.engine").async {
                do {
                    let response = try session.respond(to: request, after: turns) { event in
                        if stop.isRaised { throw CancellationError() }
                        continuation.yield(.event(event))
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
