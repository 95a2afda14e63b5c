internal import Synchronization

/// Memory for results, recycled: touching fresh pages costs more than computing on them.
///
/// Sizes are rounded up to classes, four to each power of two. Released buffers are kept up to a
/// bound and handed out again to the next request of their class.
package final class BufferPool: Sendable {
    /// Bytes that tensors hold, the most they ever held, and bytes kept for reuse.
    package struct Usage: Sendable, Equatable {
        package var current = 0
        package var peak = 0
        package var cached = 0
    }

    private struct State {
        var usage = Usage()
        /// Addresses of free buffers, by the size of their class.
        var free: [Int: [UInt]] = [:]
    }

    package static let shared = BufferPool(cacheLimit: 1 << 29)

    private let state = Mutex(State())
    private let cacheLimit: Int

    /// A pool that keeps at most `cacheLimit` bytes of released buffers.
    package init(cacheLimit: Int) { self.cacheLimit = cacheLimit }

    deinit { trim() }

    package var usage: Usage { state.withLock { $0.usage } }

    /// Lets the peak start again from what is held now.
    package func resetPeak() {
        state.withLock { $0.usage.peak = $0.usage.current }
    }

    /// Gives every cached buffer back to the system.
    package func trim() {
        let buffers = state.withLock { state in
            defer {
                state.free = [:]
                state.usage.cached = 0
            }
            return state.free.values.flatMap { $0 }
        }
        for address in buffers { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
    }

    /// Uninitialised memory that returns to the pool with its storage.
    package func storage(byteCount: Int) -> HostStorage {
        let size = BufferPool.classSize(byteCount)
        let recycled: UInt? = state.withLock { state in
            state.usage.current += size
            state.usage.peak = max(state.usage.peak, state.usage.current)
            guard let address = state.free[size]?.popLast() else { return nil }
            state.usage.cached -= size
            return address
        }
        let pointer =
            recycled.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
            ?? UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        return HostStorage(taking: pointer, byteCount: byteCount) { [self] in
            recycle($0, size)
        }
    }

    private func recycle(_ pointer: UnsafeMutableRawPointer, _ size: Int) {
        let address = UInt(bitPattern: pointer)
        let kept = state.withLock { state in
            state.usage.current -= size
            guard state.usage.cached + size <= cacheLimit else { return false }
            state.usage.cached += size
            state.free[size, default: []].append(address)
            return true
        }
        if !kept { pointer.deallocate() }
    }

    /// The next of the sizes 256 · 2ⁿ · {1, 1¼, 1½, 1¾}.
    static func classSize(_ byteCount: Int) -> Int {
        if byteCount <= 256 { return 256 }
        let power = Int.bitWidth - 1 - (byteCount - 1).leadingZeroBitCount
        let step = 1 << (power - 2)
        return (byteCount + step - 1) / step * step
    }
}
