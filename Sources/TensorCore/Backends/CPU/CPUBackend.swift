internal import CSouthKernels

/// The machine's processor. Results are new memory from a pool; kernels are C, chosen for the
/// instruction set when the program starts.
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
        precondition(node == nil, "a kernel got a tensor that has a gradient: \(dtype) \(shape)")
        guard let base = storage.hostPointer else {
            preconditionFailure("\(device): a kernel of the processor cannot read this memory")
        }
        return base + dtype.byteCount(of: offset)
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
        let code =
            switch self {
            case .float32: SOUTH_FLOAT32
            case .float16: SOUTH_FLOAT16
            case .bfloat16: SOUTH_BFLOAT16
            case .float64: SOUTH_FLOAT64
            case .int64: SOUTH_INT64
            case .int32: SOUTH_INT32
            case .int16: SOUTH_INT16
            case .int8: SOUTH_INT8
            case .uint8: SOUTH_UINT8
            case .bool: SOUTH_BOOL
            case .q8_0: SOUTH_Q8_0
            case .q4_0: SOUTH_Q4_0
            case .q4_K: SOUTH_Q4_K
            case .q6_K: SOUTH_Q6_K
            }
        return Int32(code)
    }
}

extension Activation {
    /// The number that kernels know the function by, and its parameter.
    var kernelCode: (code: Int32, slope: Float) {
        let (code, slope): (Int, Float) =
            switch self {
            case .identity: (SOUTH_IDENTITY, 0)
            case .relu: (SOUTH_RELU, 0)
            case .sigmoid: (SOUTH_SIGMOID, 0)
            case .tanh: (SOUTH_TANH, 0)
            case .silu: (SOUTH_SILU, 0)
            case .gelu: (SOUTH_GELU, 0)
            case .geluTanh: (SOUTH_GELU_TANH, 0)
            case .quickGELU: (SOUTH_QUICK_GELU, 0)
            case .leakyReLU(let slope): (SOUTH_LEAKY_RELU, slope)
            }
        return (Int32(code), slope)
    }
}
