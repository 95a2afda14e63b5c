import Dispatch
import Glibc
import Synchronization
import TensorCore

/// Ranks that are threads of one process: one, where a run is not distributed, or several, each
/// with its end of one hub. Sums are taken in the order of the ranks.
package struct InProcessTransport: Transport {
    package let rank: Int
    package var size: Int { hub.size }
    private let hub: Hub

    /// The ends of `size` ranks, each to be used by a thread of its own.
    package static func ranks(_ size: Int) -> [InProcessTransport] {
        let hub = Hub(size)
        return (0..<size).map { InProcessTransport(rank: $0, hub: hub) }
    }

    package func begin(_ collective: Collective) throws(CommunicatorError) -> any Exchange {
        Ticket(completed: hub.join(collective, rank: rank))
    }

    package func finish() {}

    package func abort(code: Int32) -> Never { exit(code) }

    private struct Ticket: Exchange {
        let completed: DispatchSemaphore
        func wait() { completed.wait() }
    }
}

/// Where the ranks of one process meet. The last one to join a collective carries it out.
private final class Hub: Sendable {
    /// A collective that some ranks have joined.
    private struct Meeting {
        var parts: [Collective?]
        let completed = DispatchSemaphore(value: 0)
    }

    private struct State {
        /// By the number of the collective.
        var open: [Int: Meeting] = [:]
        /// Collectives that each rank has joined.
        var joined: [Int]
    }

    let size: Int
    private let state: Mutex<State>

    init(_ size: Int) {
        self.size = size
        state = Mutex(State(joined: Array(repeating: 0, count: size)))
    }

    /// - Returns: what each rank waits for once
    func join(_ collective: Collective, rank: Int) -> DispatchSemaphore {
        state.withLock { state in
            let number = state.joined[rank]
            state.joined[rank] += 1
            var meeting =
                state.open[number] ?? Meeting(parts: Array(repeating: nil, count: size))
            meeting.parts[rank] = collective
            state.open[number] = meeting
            let present = meeting.parts.compactMap(\.self)
            if present.count == size {
                carryOut(present)
                state.open[number] = nil
                for _ in 0..<size { meeting.completed.signal() }
            }
            return meeting.completed
        }
    }

    private func carryOut(_ parts: [Collective]) {
        switch parts[0] {
        case .barrier: break
        case .broadcast(let first, let root):
            let buffers = parts.map { part in
                if case .broadcast(let buffer, _) = part { buffer } else { mismatch(parts) }
            }
            let source = buffers[root].tensor
            for buffer in buffers where buffer !== buffers[root] { buffer.write(source, at: 0) }
            precondition(first.count == source.count, "broadcast: buffers of different lengths")
        case .sum(_, let range):
            let buffers = parts.map { part in
                if case .sum(let buffer, range) = part { buffer } else { mismatch(parts) }
            }
            let sum = total(buffers.map { $0.tensor(range) })
            for buffer in buffers { buffer.write(sum, at: range.lowerBound) }
        case .sumScatter:
            let pairs = parts.map { part in
                if case .sumScatter(let input, let output) = part {
                    (input: input, output: output)
                } else {
                    mismatch(parts)
                }
            }
            let sum = total(pairs.map { $0.input.tensor.cast(to: .float32) })
            for (rank, pair) in pairs.enumerated() {
                let count = pair.output.count
                pair.output.write(sum.sliced(0, rank * count..<(rank + 1) * count), at: 0)
            }
        case .allGather:
            let buffers = parts.map { part in
                if case .allGather(let buffer) = part { buffer } else { mismatch(parts) }
            }
            let count = buffers[0].count / size
            for rank in 0..<size {
                let row = buffers[rank].tensor(rank * count..<(rank + 1) * count)
                for buffer in buffers where buffer !== buffers[rank] {
                    buffer.write(row, at: rank * count)
                }
            }
        case .gather(_, let output):
            for (rank, part) in parts.enumerated() {
                guard case .gather(let input, _) = part else { mismatch(parts) }
                output?.write(input.tensor, at: rank * input.count)
            }
        }
    }

    /// In `float32` and rounded at every rank, as MPI's sums are.
    private func total(_ parts: [Tensor]) -> Tensor {
        let (first, dtype) = (parts[0], parts[0].dtype)
        guard dtype == .float64 else {
            return parts.dropFirst().reduce(first) { ($0 + $1).cast(to: dtype) }
        }
        var sum = first.withBytes { Array($0.bindMemory(to: Double.self)) }
        for part in parts.dropFirst() {
            part.withBytes { bytes in
                for (index, value) in bytes.bindMemory(to: Double.self).enumerated() {
                    sum[index] += value
                }
            }
        }
        return sum.withUnsafeBytes { Tensor(copying: $0, .float64, first.shape) }
    }

    private func mismatch(_ parts: [Collective]) -> Never {
        preconditionFailure("ranks begin different collectives: \(parts.map(\.name))")
    }
}
