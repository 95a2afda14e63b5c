import Foundation
import Synchronization
import TensorCore
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

extension PhaseOptimizer {
    /// All of its state, put together; on ranks that have a part of it all must ask.
    func loadedState() throws -> [(name: String, value: Tensor)] {
        try state().map { ($0.name, try $0.tensor()) }
    }
}

/// Passes everything on, and notes the most elements that were gathered at once.
final class WatchedTransport: Transport {
    private let base: any Transport
    private let most = Mutex(0)

    init(_ base: any Transport) { self.base = base }

    var rank: Int { base.rank }
    var size: Int { base.size }
    var gathered: Int { most.withLock { $0 } }

    func begin(_ collective: Collective) throws(CommunicatorError) -> any Exchange {
        if case .gather(let row, _) = collective {
            most.withLock { $0 = max($0, row.count * size) }
        }
        return try base.begin(collective)
    }

    func finish() throws(CommunicatorError) { try base.finish() }
    func abort(code: Int32) -> Never { base.abort(code: code) }
}
