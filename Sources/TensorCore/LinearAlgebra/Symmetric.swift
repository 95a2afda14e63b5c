internal import CSouthLAPACKE

// Symmetric matrices: eigenvalues, square roots, Cholesky factors. All of this runs in double
// precision in the host's memory, through LAPACK; no gradient passes.

extension Tensor {
    /// The eigenvalues, ascending, and eigenvectors of symmetric matrices:
    /// `self = vectors · diag(values) · vectorsᵀ`. Only the lower triangle is read.
    ///
    /// - Shapes: `[…, n, n]` → values `[…, n]`, vectors `[…, n, n]`, one a column; `float64` for a
    ///   `float64` tensor, else `float32`. In the host's memory, without a gradient
    /// - Throws: `LinearAlgebraError.notSquare`, `.notFinite`, `.didNotConverge`
    public func symmetricEigen() throws -> (values: Tensor, vectors: Tensor) {
        let parts = try hostMatrices("symmetricEigen", square: true).map {
            try $0.symmetricEigen("symmetricEigen", shape)
        }
        let size = shape[rank - 1]
        return (
            gathered(parts.map(\.values), [size]),
            gathered(parts.map(\.vectors.values), [size, size])
        )
    }

    /// The symmetric positive square root of symmetric positive semi-definite matrices:
    /// `root · root = self`. Eigenvalues that rounding has put below zero count as zero.
    ///
    /// - Shapes: `[…, n, n]` → `[…, n, n]`; types as `symmetricEigen`
    /// - Throws: `LinearAlgebraError.notPositiveDefinite` for an eigenvalue that is truly negative,
    ///   and what `symmetricEigen` throws
    public func symmetricSquareRoot() throws -> Tensor {
        let roots = try hostMatrices("symmetricSquareRoot", square: true).map {
            try $0.symmetricSquareRoot("symmetricSquareRoot", shape)
        }
        return gathered(roots.map(\.values), Array(shape.suffix(2)))
    }

    /// The trace of `√(self · other)` of two symmetric positive semi-definite matrices `[n, n]`,
    /// as the Fréchet distance needs it. The product is not symmetric, but has the eigenvalues of
    /// `√self · other · √self`, which is.
    ///
    /// - Throws: as `symmetricSquareRoot`
    public func traceOfProductSquareRoot(_ other: Tensor) throws -> Double {
        let name = "traceOfProductSquareRoot"
        precondition(
            rank == 2 && shape == other.shape, "\(name): shapes \(shape) and \(other.shape)")
        let first = try hostMatrices(name, square: true)[0]
        let second = try other.hostMatrices(name, square: true)[0]
        let root = try first.symmetricSquareRoot(name, shape)
        let values = try root.times(second).times(root).symmetricEigen(name, shape).values
        return try HostMatrix.roots(values, name, shape).reduce(0, +)
    }

    /// The lower triangular factors of symmetric positive definite matrices: `self = l · lᵀ`. Only
    /// the lower triangle is read.
    ///
    /// - Shapes: `[…, n, n]` → `[…, n, n]`, zero above the diagonal; types as `symmetricEigen`
    /// - Throws: `LinearAlgebraError.notSquare`, `.notFinite`, `.notPositiveDefinite`
    public func cholesky() throws -> Tensor {
        let size = shape.last ?? 0
        let factors = try hostMatrices("cholesky", square: true).map { matrix in
            var factor = matrix
            let info = HostMatrix.call {
                LAPACKE_dpotrf(
                    HostMatrix.rowMajor, CChar(UInt8(ascii: "L")), Int32(size), &factor.values,
                    factor.step)
            }
            guard info == 0 else {
                throw LinearAlgebraError.notPositiveDefinite(operation: "cholesky", shape: shape)
            }
            for row in 0..<size {
                for column in (row + 1)..<Swift.max(size, row + 1) { factor[row, column] = 0 }
            }
            return factor.values
        }
        return gathered(factors, [size, size])
    }
}

extension HostMatrix {
    /// Eigenvalues, ascending, and eigenvectors as columns.
    fileprivate func symmetricEigen(
        _ operation: String, _ shape: Shape
    ) throws -> (values: [Double], vectors: HostMatrix) {
        var vectors = self
        var values = [Double](repeating: 0, count: rows)
        let info = HostMatrix.call {
            LAPACKE_dsyevd(
                HostMatrix.rowMajor, CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "L")),
                Int32(rows), &vectors.values, step, &values)
        }
        guard info == 0 else {
            throw LinearAlgebraError.didNotConverge(operation: operation, shape: shape)
        }
        return (values, vectors)
    }

    fileprivate func symmetricSquareRoot(
        _ operation: String, _ shape: Shape
    ) throws -> HostMatrix {
        let (values, vectors) = try symmetricEigen(operation, shape)
        let roots = try HostMatrix.roots(values, operation, shape)
        var scaled = vectors
        for row in 0..<rows {
            for column in 0..<columns { scaled[row, column] *= roots[column] }
        }
        return scaled.times(vectors, transposed: true)
    }

    /// Roots of eigenvalues: those within rounding of zero are zero.
    fileprivate static func roots(
        _ values: [Double], _ operation: String, _ shape: Shape
    ) throws -> [Double] {
        let largest = values.reduce(0) { Swift.max($0, abs($1)) }
        // Matrices often come from float32 or from sums over many samples.
        let rounding = largest * Double(values.count) * 1e-7
        return try values.map { value in
            guard value >= -rounding else {
                throw LinearAlgebraError.notPositiveDefinite(operation: operation, shape: shape)
            }
            return Swift.max(value, 0).squareRoot()
        }
    }
}
