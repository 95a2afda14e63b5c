internal import Synchronization

/// Memory for results, recycled: touching fresh pages costs more than computing on them.
///
/// Sizes are rounded up to classes, four to each power of two. Released buffers wait for the next
/// request of their class, so that a pass that repeats takes nothing from the system. What waits
/// is bounded by what tensors held at their peak.
package final class BufferPool: Sendable {
    /// What a pool holds, in bytes of whole classes.
    package struct Usage: Sendable, Equatable {
        /// Held by tensors now.
        package var current = 0
        /// The most that tensors ever held.
        package var peak = 0
        /// Waiting for reuse.
        package var cached = 0
        /// Requests that the system had to serve.
        package var systemRequests = 0
    }

    private struct State {
        var usage = Usage()
        /// The peak, whatever `resetPeak` forgot.
        var highest = 0
        /// Addresses of free buffers, by the size of their class.
        var free: [Int: [UInt]] = [:]
    }

    package static let shared = BufferPool(cacheFloor: 1 << 28)

    private let state = Mutex(State())
    private let cacheFloor: Int

    /// A pool that may always keep `cacheFloor` bytes of released buffers.
    package init(cacheFloor: Int) { self.cacheFloor = cacheFloor }

    deinit { trim() }

    package var usage: Usage { state.withLock { $0.usage } }

    /// Lets the peak start again from what is held now.
    package func resetPeak() {
        state.withLock { $0.usage.peak = $0.usage.current }
    }

    /// Gives every waiting buffer back to the system.
    package func trim() {
        let buffers = state.withLock { state in
            defer {
                state.free = [:]
                state.usage.cached = 0
                state.highest = state.usage.current
            }
            return state.free.values.flatMap { $0 }
        }
        BufferPool.release(buffers)
    }

    /// Uninitialised memory that returns to the pool with its storage.
    package func storage(byteCount: Int) -> HostStorage {
        let size = BufferPool.classSize(byteCount)
        let (recycled, surplus): (UInt?, [UInt]) = state.withLock { state in
            state.usage.current += size
            state.usage.peak = max(state.usage.peak, state.usage.current)
            state.highest = max(state.highest, state.usage.current)
            if let address = state.free[size]?.popLast() {
                state.usage.cached -= size
                return (address, [])
            }
            state.usage.systemRequests += 1
            // Buffers of classes that are not asked for make room for one that is.
            return (nil, evict(from: &state))
        }
        BufferPool.release(surplus)
        let pointer =
            recycled.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
            ?? UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        return HostStorage(taking: pointer, byteCount: byteCount) { [self] in
            recycle($0, size)
        }
    }

    private func recycle(_ pointer: UnsafeMutableRawPointer, _ size: Int) {
        let surplus = state.withLock { state in
            state.usage.current -= size
            state.usage.cached += size
            state.free[size, default: []].append(UInt(bitPattern: pointer))
            return evict(from: &state)
        }
        BufferPool.release(surplus)
    }

    /// Takes the largest waiting buffers out while tensors and they together exceed the peak by
    /// more than a quarter.
    private func evict(from state: inout State) -> [UInt] {
        let limit = max(state.highest + state.highest / 4, state.usage.current + cacheFloor)
        guard state.usage.current + state.usage.cached > limit else { return [] }
        var evicted: [UInt] = []
        for size in state.free.keys.sorted(by: >) {
            while state.usage.current + state.usage.cached > limit,
                let address = state.free[size]?.popLast()
            {
                evicted.append(address)
                state.usage.cached -= size
            }
        }
        return evicted
    }

    private static func release(_ buffers: [UInt]) {
        for address in buffers { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
    }

    /// The next of the sizes 256 · 2ⁿ · {1, 1¼, 1½, 1¾}.
    static func classSize(_ byteCount: Int) -> Int {
        if byteCount <= 256 { return 256 }
        let power = Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount
        let step = 1 << (power - 2)
        return (byteCount + step - 1) / step * step
    }
}
