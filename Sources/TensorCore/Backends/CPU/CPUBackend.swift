internal import CSouthKernels

/// The machine's processor. Results are new memory from a pool; kernels are C, chosen for the
/// instruction set when the program starts, with OpenBLAS under the large products.
struct CPUBackend: Backend {
    static let shared = CPUBackend()

    let name = "cpu"

    func allocate(_ byteCount: Int) -> any Storage {
        BufferPool.shared.storage(byteCount: byteCount)
    }

    func upload(_ bytes: UnsafeRawBufferPointer) -> any Storage {
        let storage = BufferPool.shared.storage(byteCount: bytes.count)
        if let source = bytes.baseAddress {
            storage.hostPointer?.copyMemory(from: source, byteCount: bytes.count)
        }
        return storage
    }

    func read(_ x: Tensor, _ body: (UnsafeRawBufferPointer) -> Void) {
        let x = x.dense()
        withExtendedLifetime(x) {
            body(UnsafeRawBufferPointer(start: x.bytes, count: x.byteCount))
        }
    }

    /// A result to be written: dense, uninitialised.
    func empty(_ shape: Shape, _ dtype: DType = .float32) -> Tensor {
        Tensor(
            storage: allocate(shape.elementCount * dtype.byteCount), device: .cpu, dtype: dtype,
            shape: shape)
    }
}

// MARK: - Operands as the kernels see them

extension Tensor {
    /// The address of the first element. Valid while the storage lives: kernels are called inside
    /// `withExtendedLifetime` of their operands.
    var bytes: UnsafeMutableRawPointer {
        guard let base = storage.hostPointer else {
            preconditionFailure("\(device): a kernel of the processor cannot read this memory")
        }
        return base + offset * dtype.byteCount
    }

    /// The first element of a `float32` tensor.
    var floatPointer: UnsafeMutablePointer<Float> { bytes.assumingMemoryBound(to: Float.self) }

    /// This tensor, or a dense copy where its last axis is not adjacent in memory.
    var withAdjacentLastAxis: Tensor {
        rank == 0 || strides[rank - 1] == 1 || shape[rank - 1] <= 1 ? self : dense()
    }
}

/// Views of one shape with as few axes as show the same elements: axes of length one are dropped,
/// neighbours merged where every view steps through both evenly.
struct Layout {
    private(set) var shape: [Int] = []
    private(set) var strides: [[Int]]
    var rank: Int32 { Int32(shape.count) }

    init(_ shape: Shape, _ views: [Int]...) {
        strides = [[Int]](repeating: [], count: views.count)
        for axis in shape.indices where shape[axis] != 1 {
            let last = self.shape.count - 1
            let merges =
                last >= 0
                && views.indices.allSatisfy {
                    strides[$0][last] == views[$0][axis] * shape[axis]
                }
            if merges {
                self.shape[last] *= shape[axis]
                for view in views.indices { strides[view][last] = views[view][axis] }
            } else {
                self.shape.append(shape[axis])
                for view in views.indices { strides[view].append(views[view][axis]) }
            }
        }
        precondition(
            self.shape.count <= SOUTH_MAX_AXES,
            "a view of shape \(shape) has more axes than the kernels take")
    }
}

extension DType {
    /// The number that kernels know the type by.
    var kernelCode: Int32 {
        switch self {
        case .float32: 0
        case .float16: 1
        case .bfloat16: 2
        case .float64: 3
        case .int64: 4
        case .int32: 5
        case .int16: 6
        case .int8: 7
        case .uint8: 8
        case .bool: 9
        }
    }
}

extension Activation {
    /// The number that kernels know the function by, and its parameter.
    var kernelCode: (code: Int32, slope: Float) {
        switch self {
        case .identity: (0, 0)
        case .relu: (1, 0)
        case .sigmoid: (2, 0)
        case .tanh: (3, 0)
        case .silu: (4, 0)
        case .gelu: (5, 0)
        case .geluTanh: (6, 0)
        case .quickGELU: (7, 0)
        case .leakyReLU(let slope): (8, slope)
        }
    }
}
