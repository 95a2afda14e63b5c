import TensorCore
import TestSupport
import Testing

@Suite struct LinearAlgebraTests {
    private let fixture: Fixture
    private let a = recipeInput("a", [2, 6, 4])
    private let wide = recipeInput("wide", [3, 5])
    private let positive: Tensor
    private let singular: Tensor

    init() throws {
        fixture = try Fixture("linear_algebra")
        (positive, singular) = (fixture["positive"], fixture["singular"])
    }

    /// Holds a result against the tensor of that name.
    private func expect(
        _ found: Tensor, _ name: String, _ tolerance: Float = 1e-5,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = relativeError(
            found, fixture[name], of: "Linear algebra", original: fixture.source)
        #expect(error <= tolerance, "\(name)", sourceLocation: sourceLocation)
    }

    @Test func factorsMatricesOfEveryShape() throws {
        let (q, r) = try a.orthogonalFactors()
        expect(q, "qr.q")
        expect(r, "qr.r")
        #expect(q.matmul(r).isClose(to: a, absolute: 2e-6))
        let (wideQ, wideR) = try wide.orthogonalFactors()
        expect(wideQ, "qr.wide.q")
        expect(wideR, "qr.wide.r")
        for x in [a, wide] {
            let (u, s, v) = try x.singularValues()
            expect(s, x.rank == 3 ? "svd.s" : "svd.wide.s")
            #expect((u * s.unsqueezed(-2)).matmul(v).isClose(to: x, absolute: 3e-6))
            let unit = u.transposed().matmul(u)
            #expect(unit.isClose(to: identity(like: unit), absolute: 1e-6))
        }
    }

    private func identity(like x: Tensor) -> Tensor {
        let n = x.shape[x.rank - 1]
        let ones = (0..<(n * n)).map { Float($0 / n == $0 % n ? 1 : 0) }
        return Tensor(ones, [n, n]).broadcast(to: x.shape).dense()
    }

    @Test func decomposesSymmetricMatrices() throws {
        let (values, vectors) = try positive.symmetricEigen()
        expect(values, "eigen.values")
        let again = (vectors * values.unsqueezed(0)).matmul(vectors.transposed())
        #expect(again.isClose(to: positive, absolute: 1e-5))
        let lower = try positive.cholesky()
        expect(lower, "cholesky")
        #expect(lower.matmul(lower.transposed()).isClose(to: positive, absolute: 1e-5))
        let root = try singular.symmetricSquareRoot()
        expect(root, "root")
        #expect(root.matmul(root).isClose(to: singular, absolute: 1e-5))
        let batch = try Tensor.stack([positive, singular]).symmetricEigen()
        #expect(batch.values.shape == [2, 5] && batch.vectors.shape == [2, 5, 5])
        #expect(batch.values[0].isClose(to: values, absolute: 0))
    }

    @Test func computesInDoublePrecisionWhereAsked() throws {
        #expect(positive.dtype == .float64)
        let exact = try Tensor([1, 2, 2, 5] as [Float], [2, 2]).cast(to: .float64).cholesky()
        #expect(exact.dtype == .float64 && exact.floats() == [1, 0, 2, 1])
        let trace = try positive.traceOfProductSquareRoot(singular)
        #expect(abs(trace - Double(fixture["trace"].item())) <= 1e-5 * trace)
    }

    @Test func solvesLeastSquares() throws {
        let (x, rank) = try a[0].leastSquares(recipeInput("right", [6, 2]))
        expect(x, "least")
        #expect(rank == 4)
        let (least, part) = try singular.leastSquares(
            recipeInput("side", [5, 1]).cast(to: .float64), tolerance: 1e-10)
        expect(least, "least.singular")
        #expect(part == 3)
    }

    @Test func takesEmptyMatrices() throws {
        let none = Tensor.zeros([0, 3, 3])
        #expect(try none.symmetricEigen().vectors.shape == [0, 3, 3])
        let thin = Tensor.zeros([4, 0])
        #expect(try thin.orthogonalFactors().q.shape == [4, 0])
        #expect(try thin.singularValues().v.shape == [0, 0])
        #expect(try thin.leastSquares(Tensor.zeros([4, 2])).solution.shape == [0, 2])
        #expect(try Tensor.zeros([0, 0]).cholesky().shape == [0, 0])
    }

    @Test func saysWhyThereIsNoAnswer() {
        #expect(throws: LinearAlgebraError.notSquare(operation: "cholesky", shape: [3, 5])) {
            try wide.cholesky()
        }
        let broken = LinearAlgebraError.notFinite(operation: "symmetricEigen", shape: [1, 1])
        #expect(throws: broken) { try Tensor([Float.nan], [1, 1]).symmetricEigen() }
        let negative = LinearAlgebraError.notPositiveDefinite(operation: "cholesky", shape: [5, 5])
        #expect(throws: negative) { try (-positive).cholesky() }
        #expect(throws: LinearAlgebraError.self) { try (-positive).symmetricSquareRoot() }
        #expect(
            negative.description
                == "cholesky: shape [5, 5] is not positive definite. "
                + "A small multiple of the identity added to it may help.")
    }
}
