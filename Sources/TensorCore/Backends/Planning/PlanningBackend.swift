internal import Synchronization

/// Computes shapes alone and counts the memory that results would take: what a pass needs can be
/// asked before it begins. See `MemoryBudget.bytesNeeded(by:)`.
///
/// There are no elements: reading any is a mistake in the program.
struct PlanningBackend: Backend {
    let name = "planning"
    let account = PlannedMemory()

    func allocate(_ byteCount: Int) -> any Storage { PlannedStorage(byteCount, account) }

    func upload(_ bytes: UnsafeRawBufferPointer) -> any Storage { allocate(bytes.count) }

    func read(_ x: Tensor, _ body: (UnsafeRawBufferPointer) -> Void) {
        preconditionFailure("a planned pass reads the elements of a tensor \(x.shape)")
    }

    func store(_ x: Tensor, into destination: Tensor) {}

    /// A result of that shape.
    func planned(_ shape: Shape, _ dtype: DType = .float32) -> Tensor {
        Tensor(
            storage: allocate(dtype.byteCount(of: shape.elementCount)), device: Device(self),
            dtype: dtype, shape: shape)
    }
}

extension PlanningBackend {
    /// A weight of that shape, whole and laid out as a file's, which takes nothing: that of the file
    /// is counted elsewhere.
    func weight(_ shape: Shape) -> Tensor {
        let storage = PlannedStorage(DType.float32.byteCount(of: shape.elementCount), nil)
        return Tensor(storage: storage, device: Device(self), dtype: .float32, shape: shape)
    }
}

/// Bytes that planned tensors hold, and the work that went into them.
final class PlannedMemory: Sendable {
    private let held = Mutex((current: 0, peak: 0, multiplications: 0.0))

    var peak: Int { held.withLock { $0.peak } }
    var multiplications: Double { held.withLock { $0.multiplications } }

    func count(multiplications: Int) {
        held.withLock { $0.multiplications += Double(multiplications) }
    }

    func add(_ bytes: Int) {
        held.withLock {
            $0.current += bytes
            $0.peak = max($0.peak, $0.current)
        }
    }
}

/// A place in the account, as large as the pool's buffer would be; without an account, none.
private final class PlannedStorage: Storage {
    let byteCount: Int
    let account: PlannedMemory?
    var hostPointer: UnsafeMutableRawPointer? { nil }

    init(_ byteCount: Int, _ account: PlannedMemory?) {
        self.byteCount = byteCount
        self.account = account
        account?.add(BufferPool.classSize(byteCount))
    }

    deinit { account?.add(-BufferPool.classSize(byteCount)) }
}

extension MemoryBudget {
    /// Bytes of tensors that `pass` would hold at its peak, without computing it.
    ///
    /// ```swift
    /// let bytes = try MemoryBudget.bytesNeeded { device in
    ///     let unet = try UNet(config, from: .shapesOnly(device: device))
    ///     _ = unet(.zeros([2, 4, 64, 64], device: device), …)
    /// }
    /// ```
    /// - Parameter pass: works on the device that it is given, whose tensors have shapes and no
    ///   elements; weights from `Weights.shapesOnly(device:)` take nothing there
    public static func bytesNeeded(by pass: (Device) throws -> Void) rethrows -> Int {
        try plan(pass).peakBytes
    }

    /// Bytes and work of `pass`, without computing it; see `bytesNeeded(by:)`.
    public static func plan(_ pass: (Device) throws -> Void) rethrows -> PassPlan {
        let backend = PlanningBackend()
        try pass(Device(backend))
        return PassPlan(
            peakBytes: backend.account.peak, operations: 2 * backend.account.multiplications)
    }
}

/// What a pass will take.
public struct PassPlan: Sendable, Equatable {
    /// Bytes of tensors at the peak.
    public let peakBytes: Int
    /// Multiplications and additions of convolutions, products and attention, done plainly.
    public let operations: Double
}
