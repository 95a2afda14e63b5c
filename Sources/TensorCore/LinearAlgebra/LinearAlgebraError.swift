/// Why a decomposition has no answer. Each case names the operation and the shape it was asked of.
public enum LinearAlgebraError: Error, Equatable {
    /// The last two axes differ.
    case notSquare(operation: String, shape: Shape)
    /// An element is infinite or not a number.
    case notFinite(operation: String, shape: Shape)
    /// The iteration of LAPACK gave up.
    case didNotConverge(operation: String, shape: Shape)
    /// A matrix that has to be positive (semi-)definite is not.
    case notPositiveDefinite(operation: String, shape: Shape)
}

extension LinearAlgebraError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notSquare(let operation, let shape):
            "\(operation): shape \(shape), expected square matrices in the last two axes."
        case .notFinite(let operation, let shape):
            "\(operation): shape \(shape) has infinite elements or ones that are not numbers. "
                + "Did an earlier step overflow?"
        case .didNotConverge(let operation, let shape):
            "\(operation): no convergence for shape \(shape). Is the matrix scaled sensibly?"
        case .notPositiveDefinite(let operation, let shape):
            "\(operation): shape \(shape) is not positive definite. "
                + "A small multiple of the identity added to it may help."
        }
    }
}
