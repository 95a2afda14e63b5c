internal import CSouthLAPACKE

// Factors of any matrices, and least squares. All of this runs in double precision in the host's
// memory, through LAPACK; no gradient passes.

extension Tensor {
    /// Matrices with orthonormal columns and upper triangular ones: `self = q · r`.
    ///
    /// - Shapes: `[…, m, n]` → q `[…, m, k]`, r `[…, k, n]` with k the lesser of m and n; `float64`
    ///   for a `float64` tensor, else `float32`. In the host's memory, without a gradient
    /// - Throws: `LinearAlgebraError.notFinite`
    public func orthogonalFactors() throws -> (q: Tensor, r: Tensor) {
        let parts = try hostMatrices("orthogonalFactors").map { $0.orthogonalFactors() }
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let inner = Swift.min(rows, columns)
        return (
            gathered(parts.map(\.q.values), [rows, inner]),
            gathered(parts.map(\.r.values), [inner, columns])
        )
    }

    /// Singular values, descending, and vectors: `self = u · diag(s) · v`.
    ///
    /// - Shapes: `[…, m, n]` → u `[…, m, k]`, s `[…, k]`, v `[…, k, n]` (transposed already) with k
    ///   the lesser of m and n; types as `orthogonalFactors`
    /// - Throws: `LinearAlgebraError.notFinite`, `.didNotConverge`
    public func singularValues() throws -> (u: Tensor, s: Tensor, v: Tensor) {
        let (rows, columns) = (shape[Swift.max(rank - 2, 0)], shape.last ?? 0)
        let inner = Swift.min(rows, columns)
        let parts = try hostMatrices("singularValues").map { matrix in
            var (a, s) = (matrix, [Double](repeating: 0, count: inner))
            var (u, v) = (HostMatrix(rows, inner), HostMatrix(inner, columns))
            if inner == 0 { return (u, s, v) }
            let info = HostMatrix.call {
                LAPACKE_dgesdd(
                    HostMatrix.rowMajor, CChar(UInt8(ascii: "S")), Int32(rows), Int32(columns),
                    &a.values, a.step, &s, &u.values, u.step, &v.values, v.step)
            }
            guard info == 0 else {
                throw LinearAlgebraError.didNotConverge(
                    operation: "singularValues", shape: shape)
            }
            return (u, s, v)
        }
        return (
            gathered(parts.map(\.0.values), [rows, inner]), gathered(parts.map(\.1), [inner]),
            gathered(parts.map(\.2.values), [inner, columns])
        )
    }

    /// The x that makes `|self · x − right|` least, and of several such the one of least norm: by
    /// singular values, so that matrices without full rank have an answer too.
    ///
    /// - Shapes: `[m, n]`, right `[m, k]` → solution `[n, k]`; types as `orthogonalFactors`
    /// - Parameter tolerance: singular values below this part of the largest count as zero; nil is
    ///   the rounding of the type times the larger of m and n
    /// - Throws: `LinearAlgebraError.notFinite`, `.didNotConverge`
    public func leastSquares(
        _ right: Tensor, tolerance: Double? = nil
    ) throws -> (solution: Tensor, rank: Int) {
        let name = "leastSquares"
        precondition(
            rank == 2 && right.rank == 2 && shape[0] == right.shape[0],
            "\(name): shapes \(shape) and \(right.shape)")
        let (rows, columns, count) = (shape[0], shape[1], right.shape[1])
        var a = try hostMatrices(name)[0]
        let b = try right.hostMatrices(name)[0]
        // LAPACK puts the solution where the right side was, so it needs room for both.
        var x = HostMatrix(Swift.max(rows, columns), count)
        x.values.replaceSubrange(0..<b.values.count, with: b.values)
        let precision = dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
        let limit = tolerance ?? precision * Double(Swift.max(rows, columns))
        var (values, found) = ([Double](repeating: 0, count: Swift.min(rows, columns)), Int32(0))
        if rows * columns * count > 0 {
            let info = HostMatrix.call {
                LAPACKE_dgelsd(
                    HostMatrix.rowMajor, Int32(rows), Int32(columns), Int32(count), &a.values,
                    a.step, &x.values, x.step, &values, limit, &found)
            }
            guard info == 0 else {
                throw LinearAlgebraError.didNotConverge(operation: name, shape: shape)
            }
        } else {
            x = HostMatrix(Swift.max(rows, columns), count)
        }
        let solution = Array(x.values.prefix(columns * count))
        return (gathered([solution], [columns, count]), Int(found))
    }
}

extension HostMatrix {
    /// `self = q · r` with orthonormal columns and an upper triangle, as LAPACK signs them.
    func orthogonalFactors() -> (q: HostMatrix, r: HostMatrix) {
        let inner = Swift.min(rows, columns)
        var (a, scales) = (self, [Double](repeating: 0, count: inner))
        var (q, r) = (HostMatrix(rows, inner), HostMatrix(inner, columns))
        if inner == 0 { return (q, r) }
        // Both calls fail only on arguments that are wrong.
        var info = HostMatrix.call {
            LAPACKE_dgeqrf(
                HostMatrix.rowMajor, Int32(rows), Int32(columns), &a.values, a.step, &scales)
        }
        for row in 0..<inner {
            for column in row..<columns { r[row, column] = a[row, column] }
        }
        for row in 0..<rows {
            for column in 0..<inner { q[row, column] = a[row, column] }
        }
        info |= HostMatrix.call {
            LAPACKE_dorgqr(
                HostMatrix.rowMajor, Int32(rows), Int32(inner), Int32(inner), &q.values, q.step,
                scales)
        }
        precondition(info == 0, "orthogonalFactors: LAPACK refused \(rows)×\(columns)")
        return (q, r)
    }
}
