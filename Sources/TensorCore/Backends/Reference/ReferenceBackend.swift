/// Plain Swift loops over arrays: slow, and as close to the formulas as code can be. Tests hold
/// every other backend against it.
///
/// Sums run in `Double`, so that what it says is the truth to the last digit of a `Float`.
struct ReferenceBackend: Backend {
    let name = "reference"

    func allocate(_ byteCount: Int) -> any Storage { HostStorage(byteCount: byteCount) }

    func upload(_ bytes: UnsafeRawBufferPointer) -> any Storage {
        let storage = HostStorage(byteCount: bytes.count)
        if let base = bytes.baseAddress {
            storage.hostPointer?.copyMemory(from: base, byteCount: bytes.count)
        }
        return storage
    }

    func read(_ x: Tensor, _ body: (UnsafeRawBufferPointer) -> Void) {
        let dense = x.isDense ? x : copy(x)
        dense.withHostBytes { body(UnsafeRawBufferPointer($0)) }
    }

    func store(_ x: Tensor, into destination: Tensor) {
        precondition(
            x.shape == destination.shape && x.dtype == destination.dtype,
            "store: \(x.dtype) \(x.shape) into \(destination.dtype) \(destination.shape)")
        let size = x.dtype.byteCount
        guard let from = x.storage.hostPointer, let to = destination.storage.hostPointer else {
            preconditionFailure("store: not host memory")
        }
        for (source, target) in zip(x.elementOffsets, destination.elementOffsets) {
            (to + target * size).copyMemory(from: from + source * size, byteCount: size)
        }
    }

    // MARK: Arrays in, arrays out

    /// The elements in row-major order.
    func values(_ x: Tensor) -> [Float] {
        precondition(x.dtype == .float32, "the reference computes in float32, not \(x.dtype)")
        guard let base = x.storage.hostPointer else { preconditionFailure("not host memory") }
        return x.elementOffsets.map { (base + $0 * 4).load(as: Float.self) }
    }

    func tensor(_ values: [Float], _ shape: Shape) -> Tensor {
        values.withUnsafeBytes {
            Tensor(
                storage: upload($0), device: Device(self), dtype: .float32, shape: shape)
        }
    }

    /// A dense tensor whose bytes `body` writes.
    func made(
        _ dtype: DType, _ shape: Shape, _ body: (UnsafeMutableRawPointer) -> Void
    ) -> Tensor {
        let storage = HostStorage(byteCount: shape.elementCount * dtype.byteCount)
        if let pointer = storage.hostPointer { body(pointer) }
        return Tensor(storage: storage, device: Device(self), dtype: dtype, shape: shape)
    }
}

extension Tensor {
    /// Where each element lies in the storage, in elements, in row-major order.
    var elementOffsets: [Int] {
        if count == 0 { return [] }
        var offsets = [offset]
        for axis in shape.indices {
            let steps = (0..<shape[axis]).map { $0 * strides[axis] }
            offsets = offsets.flatMap { base in steps.map { base + $0 } }
        }
        return offsets
    }

    /// The bytes of a dense tensor in host memory.
    func withHostBytes(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
        precondition(isDense, "withHostBytes: a view of shape \(shape)")
        guard let base = storage.hostPointer else { preconditionFailure("not host memory") }
        withExtendedLifetime(storage) {
            body(
                UnsafeMutableRawBufferPointer(
                    start: base + dtype.byteCount(of: offset), count: byteCount))
        }
    }
}
