internal import CSouthLAPACKE
internal import CSouthOpenBLAS

/// A matrix in the host's memory, row by row, in `Double`: what LAPACK works on.
struct HostMatrix {
    let rows: Int
    let columns: Int
    var values: [Double]

    init(_ rows: Int, _ columns: Int, _ values: [Double]? = nil) {
        (self.rows, self.columns) = (rows, columns)
        self.values = values ?? [Double](repeating: 0, count: rows * columns)
    }

    /// A tensor `[rows, columns]`.
    init(_ tensor: Tensor) {
        self.init(tensor.shape[0], tensor.shape[1], tensor.doubles())
    }

    subscript(row: Int, column: Int) -> Double {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    /// Adjacent elements of rows, at least one, as LAPACK wants it of empty matrices too.
    var step: Int32 { Int32(Swift.max(columns, 1)) }

    static let rowMajor = Int32(LAPACK_ROW_MAJOR)

    /// Calls into LAPACK with OpenBLAS on the calling thread alone, as everywhere in this library.
    static func call(_ body: () -> Int32) -> Int32 {
        _ = usesOneThread
        return body()
    }

    private static let usesOneThread: Void = openblas_set_num_threads(1)

    /// The product with another matrix.
    func times(_ other: HostMatrix, transposed: Bool = false) -> HostMatrix {
        let (inner, columns) =
            transposed ? (other.columns, other.rows) : (other.rows, other.columns)
        precondition(
            self.columns == inner,
            "HostMatrix: \(rows)×\(self.columns) times \(other.rows)×\(other.columns)")
        var result = HostMatrix(rows, columns)
        _ = HostMatrix.usesOneThread
        cblas_dgemm(
            CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, Int32(rows),
            Int32(columns), Int32(inner), 1, values, step, other.values, other.step, 0,
            &result.values, result.step)
        return result
    }
}

extension Tensor {
    /// The matrices of the last two axes.
    ///
    /// - Throws: `LinearAlgebraError.notFinite`, and `.notSquare` if `square`
    func hostMatrices(_ operation: String, square: Bool = false) throws -> [HostMatrix] {
        precondition(rank >= 2, "\(operation): shape \(shape) has no matrices")
        precondition(
            !isTracked, "\(operation): shape \(shape) has a gradient, which stops here; detach it")
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        if square && rows != columns {
            throw LinearAlgebraError.notSquare(operation: operation, shape: shape)
        }
        let values = doubles()
        guard values.allSatisfy(\.isFinite) else {
            throw LinearAlgebraError.notFinite(operation: operation, shape: shape)
        }
        let size = rows * columns
        return (0..<shape.dropLast(2).reduce(1, *)).map {
            HostMatrix(rows, columns, Array(values[($0 * size)..<(($0 + 1) * size)]))
        }
    }

    /// Results of each matrix as one tensor `batch + inner`: `float64` where this tensor is, else
    /// `float32`.
    func gathered(_ parts: [[Double]], _ inner: Shape) -> Tensor {
        let all = shape.dropLast(2) + inner
        let values = parts.flatMap { $0 }
        if dtype == .float64 {
            return values.withUnsafeBytes {
                Tensor(copying: $0, .float64, Array(all), device: device)
            }
        }
        return Tensor(values.map { Float($0) }, Array(all), device: device)
    }
}
