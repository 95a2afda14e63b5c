/// Memory that belongs to one backend. Only that backend looks inside.
///
/// Written before the first tensor over it exists and never after, save by the named places of
/// mutation (`Backend.store`).
package protocol Storage: AnyObject, Sendable {
    var byteCount: Int { get }
    /// The bytes, where the host can address them; nil for memory of a device.
    var hostPointer: UnsafeMutableRawPointer? { get }
}

/// Bytes in the host's memory, aligned to 64: allocated, or a window of something that owns them
/// (a mapped file).
package final class HostStorage: Storage, @unchecked Sendable {
    package let byteCount: Int
    private let pointer: UnsafeMutableRawPointer
    private let release: @Sendable (UnsafeMutableRawPointer) -> Void

    package var hostPointer: UnsafeMutableRawPointer? { pointer }

    /// Takes over `pointer`; `release` is called with it once, at the end.
    package init(
        taking pointer: UnsafeMutableRawPointer, byteCount: Int,
        release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
    ) {
        self.pointer = pointer
        self.byteCount = byteCount
        self.release = release
    }

    /// Uninitialised bytes.
    package convenience init(byteCount: Int) {
        let pointer = UnsafeMutableRawPointer.allocate(
            byteCount: max(byteCount, 1), alignment: 64)
        self.init(taking: pointer, byteCount: byteCount) { $0.deallocate() }
    }

    /// A window of memory that `owner` keeps alive. Never written to.
    package convenience init(window: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
        let pointer = UnsafeMutableRawPointer(
            mutating: window.baseAddress ?? UnsafeRawPointer(bitPattern: 64).unsafelyUnwrapped)
        self.init(taking: pointer, byteCount: window.count) { _ in
            withExtendedLifetime(owner) {}
        }
    }

    deinit { release(pointer) }
}
