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
        /// Free buffers by the size of their class, the one that has waited longest first.
        var free: [Int: [Waiting]] = [:]
        /// Buffers released so far.
        var releases = 0

        mutating func put(_ address: UInt, _ size: Int) {
            releases += 1
            usage.cached += size
            free[size, default: []].append(Waiting(address: address, since: releases))
        }

        /// The buffer of a class that was released last.
        mutating func take(_ size: Int) -> UInt? {
            guard let buffer = free[size]?.popLast() else { return nil }
            usage.cached -= size
            return buffer.address
        }

        /// The buffer that has waited longest.
        mutating func takeOldest() -> UInt? {
            func since(_ buffers: [Waiting]) -> Int { buffers.first?.since ?? .max }
            guard let size = free.min(by: { since($0.value) < since($1.value) })?.key,
                free[size]?.isEmpty == false
            else { return nil }
            usage.cached -= size
            return free[size]?.removeFirst().address
        }
    }

    private struct Waiting {
        let address: UInt
        /// Number of its release.
        let since: Int
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
            return state.free.values.flatMap { $0.map(\.address) }
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
            if let address = state.take(size) { return (address, []) }
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
            state.put(UInt(bitPattern: pointer), size)
            return evict(from: &state)
        }
        BufferPool.release(surplus)
    }

    /// Takes those out that have waited longest while tensors and they together exceed the peak by
    /// more than a quarter: what a pass that ended has left makes room for the one that runs.
    private func evict(from state: inout State) -> [UInt] {
        let limit = max(state.highest + state.highest / 4, state.usage.current + cacheFloor)
        var evicted: [UInt] = []
        while state.usage.current + state.usage.cached > limit, let address = state.takeOldest() {
            evicted.append(address)
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
