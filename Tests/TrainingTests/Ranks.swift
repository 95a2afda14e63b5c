import Foundation
import Synchronization
import Testing
import Training

/// Runs `body` as each of some ranks, on threads of one process, and returns what each gave.
func ranks<Result: Sendable>(
    _ size: Int, _ body: @escaping @Sendable (Communicator) throws -> Result
) throws -> [Result] {
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    let done = DispatchSemaphore(value: 0)
    // Threads of their own: ranks wait for each other, which tasks must not.
    for transport in InProcessTransport.ranks(size) {
        let thread = Thread {
            let result = Swift.Result { try body(Communicator(transport)) }
            results.withLock { $0[transport.rank] = result }
            done.signal()
        }
        thread.stackSize = 1 << 23
        thread.start()
    }
    for _ in 0..<size { done.wait() }
    return try results.withLock { results in
        try (0..<size).map { try #require(results[$0]).get() }
    }
}
