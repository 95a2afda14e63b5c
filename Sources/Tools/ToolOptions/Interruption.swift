import Dispatch
import Foundation
public import SouthGPT

/// Turns Ctrl-C, SIGTERM and SIGUSR1 into a request to stop; a second Ctrl-C or SIGTERM ends the
/// process at once. Schedulers send SIGUSR1 some time before they end a job, and may repeat it.
public final class Interruption {
    /// Raised by the first signal.
    public let stop = StopFlag()
    private let sources: [any DispatchSourceSignal]

    /// Listens from now on.
    public init() {
        sources = [SIGINT, SIGTERM, SIGUSR1].map { number in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(
                signal: number, queue: DispatchQueue(label: "southgpt.signals"))
        }
        for source in sources {
            source.setEventHandler { [stop, number = source.handle] in
                if stop.isRaised, number != UInt(SIGUSR1) { exit(130) }
                stop.raise()
            }
            source.resume()
        }
    }

    /// Does the work in a task that the first signal cancels.
    ///
    /// - Throws: what the work does
    public func cancelling<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task(operation: work)
        let watch = Task { [stop] in
            while !stop.isRaised { try await Task.sleep(for: .milliseconds(50)) }
            task.cancel()
        }
        defer { watch.cancel() }
        return try await task.value
    }
}
