/// An immutable array of numbers: a type, a shape, and a view of shared storage.
///
/// Slices, transposes and reshapes of dense tensors are views: they cost nothing and keep the
/// storage alive. Operations return new tensors, in `float32` where they compute.
public struct Tensor: Sendable {
    let storage: any Storage
    /// Where it lives; operands of one operation share it.
    public let device: Device
    /// The type of an element.
    public let dtype: DType
    /// The length of each axis, outermost first.
    public let shape: Shape
    /// Elements from one index to the next, by axis; zero where broadcast.
    package let strides: [Int]
    /// Elements from the start of the storage to the first one.
    package let offset: Int
    /// Its place in the record of a gradient scope; nil for a constant.
    package let node: GradientNode?

    package init(
        storage: any Storage, device: Device, dtype: DType, shape: Shape, strides: [Int]? = nil,
        offset: Int = 0, node: GradientNode? = nil
    ) {
        self.storage = storage
        self.device = device
        self.dtype = dtype
        self.shape = shape
        self.strides = strides ?? shape.rowMajorStrides
        self.offset = offset
        self.node = node
        precondition(
            !dtype.isBlocked || keepsBlocksWhole,
            "Tensor: shape \(shape) with strides \(self.strides) splits blocks of \(dtype.blockSize)"
                + " elements of \(dtype); cast it to float32 first")
    }

    /// Whether a tensor in blocks has whole ones on its last axis.
    private var keepsBlocksWhole: Bool {
        guard let length = shape.last, let step = strides.last else { return false }
        let size = dtype.blockSize
        return length % size == 0 && (step == 1 || count == 0) && offset % size == 0
            && strides.dropLast().allSatisfy { $0 % size == 0 }
    }

    /// The number of axes.
    public var rank: Int { shape.count }
    /// The number of elements.
    public var count: Int { shape.elementCount }
    /// Bytes of the elements, were they dense.
    public var byteCount: Int { dtype.byteCount(of: count) }

    /// Whether the elements lie one after the other in row-major order.
    package var isDense: Bool {
        var expected = 1
        for axis in shape.indices.reversed() {
            if shape[axis] == 0 { return true }
            if shape[axis] != 1 {
                if strides[axis] != expected { return false }
                expected *= shape[axis]
            }
        }
        return true
    }

    /// Whether one element of the storage is seen at several indices.
    var repeatsElements: Bool { zip(shape, strides).contains { $0 > 1 && $1 == 0 } }

    var backend: any Backend { device.backend }
}

// MARK: - Making tensors

extension Tensor {
    /// Numbers in row-major order.
    public init(_ values: [Float], _ shape: Shape? = nil, device: Device = .cpu) {
        self = values.withUnsafeBytes {
            Tensor(copying: $0, .float32, shape ?? [values.count], device: device)
        }
    }

    /// Indices in row-major order. Literals without a type are `Float`: `Tensor([1, 2])`.
    @_disfavoredOverload
    public init(_ values: [Int32], _ shape: Shape? = nil, device: Device = .cpu) {
        self = values.withUnsafeBytes {
            Tensor(copying: $0, .int32, shape ?? [values.count], device: device)
        }
    }

    /// One number, of shape `[]`.
    public init(_ value: Float, device: Device = .cpu) {
        self.init([value], [], device: device)
    }

    /// A copy of dense elements as they lie in memory, in the host's byte order.
    public init(
        copying bytes: UnsafeRawBufferPointer, _ dtype: DType, _ shape: Shape,
        device: Device = .cpu
    ) {
        precondition(
            bytes.count == dtype.byteCount(of: shape.elementCount),
            "Tensor: \(bytes.count) bytes for \(dtype) \(shape)")
        self.init(
            storage: device.backend.upload(bytes), device: device, dtype: dtype, shape: shape)
    }

    /// Zeros.
    public static func zeros(
        _ shape: Shape, _ dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        device.backend.fill(shape, 0, dtype)
    }

    /// The same value everywhere.
    public static func full(
        _ shape: Shape, _ value: Double, _ dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        device.backend.fill(shape, value, dtype)
    }

    /// The same tensor on another device.
    public func on(_ device: Device) -> Tensor {
        if device == self.device { return self }
        var result = self
        let dense = detached().dense()
        backend.read(dense) { result = Tensor(copying: $0, dtype, shape, device: device) }
        let home = self.device
        return result.recorded(from: self) { $0.on(home) }
    }
}

// MARK: - Reading them on the host

extension Tensor {
    /// The elements in row-major order, as `Float` whatever the type.
    public func floats() -> [Float] {
        let source = detached().real.dense()
        var values: [Float] = []
        source.backend.read(source) { values = Array($0.bindMemory(to: Float.self)) }
        return values
    }

    /// The elements in row-major order, as `Double` whatever the type.
    package func doubles() -> [Double] {
        let source = detached().cast(to: .float64).dense()
        var values: [Double] = []
        source.backend.read(source) { values = Array($0.bindMemory(to: Double.self)) }
        return values
    }

    /// The elements in row-major order as integers, real ones truncated.
    public func integers() -> [Int] {
        let source = detached().cast(to: .int64).dense()
        var values: [Int] = []
        source.backend.read(source) { values = $0.bindMemory(to: Int64.self).map(Int.init) }
        return values
    }

    /// The only element.
    public func item() -> Float {
        precondition(count == 1, "Tensor.item: shape \(shape) has \(count) elements")
        return floats()[0]
    }

    /// Gives `body` the elements as dense bytes in the host's byte order.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
        -> Result
    {
        // The protocol's `read` takes a non-throwing closure, so the outcome is carried out here.
        let source = detached().dense()
        return try withExtendedLifetime(source.storage) {
            if let base = source.storage.hostPointer {
                return try body(
                    UnsafeRawBufferPointer(
                        start: base + dtype.byteCount(of: source.offset), count: byteCount))
            }
            var copy: [UInt8] = []
            source.backend.read(source) { copy = Array($0) }
            return try copy.withUnsafeBytes(body)
        }
    }

    /// Whether shapes agree and every pair of elements differs by no more than
    /// `absolute + relative · |other|`. NaN is close to nothing.
    public func isClose(to other: Tensor, absolute: Float = 1e-6, relative: Float = 0) -> Bool {
        guard shape == other.shape else { return false }
        return zip(floats(), other.floats()).allSatisfy { a, b in
            a == b || abs(a - b) <= absolute + relative * abs(b)
        }
    }
}

extension Tensor: CustomStringConvertible {
    /// Type, shape and the first few elements.
    public var description: String {
        let shown = (dtype.isBlocked ? real : self).flattened().sliced(0, 0..<Swift.min(count, 8))
            .floats().map { "\($0)" }
        let dots = count > 8 ? ", …" : ""
        return "Tensor(\(dtype) \(shape): \(shown.joined(separator: ", "))\(dots))"
    }
}
