import TensorCore

/// Part of a parameter that this rank moves.
struct Share: Equatable {
    let parameter: Int
    /// Elements of the parameter.
    let elements: Range<Int>
}

/// The gradients of one step, summed over its micro-batches and over the ranks.
protocol GradientSum {
    /// What this rank moves: all of every parameter, or its part of each bucket.
    var shares: [Share] { get }

    /// A micro-batch begins; its gradients follow, each parameter's once, in any order.
    mutating func begin(isLast: Bool)
    /// The gradient of a parameter; nil where the micro-batch does not touch it.
    mutating func add(_ gradient: Tensor?, to parameter: Int) throws
    /// Returns when the sums are complete.
    mutating func finish() throws
    /// The sum for a share, flat `float32`; nil where this rank can tell that there is none.
    func gradient(of share: Int) -> Tensor?
    /// Forgets the sums: the next micro-batch starts another step.
    mutating func reset()
}

/// Of a single rank.
struct LocalGradientSum: GradientSum {
    let shares: [Share]
    private var sums: [Tensor?]

    init(_ lengths: [Int]) {
        shares = lengths.enumerated().map { Share(parameter: $0, elements: 0..<$1) }
        sums = lengths.map { _ in nil }
    }

    mutating func begin(isLast: Bool) {}

    mutating func add(_ gradient: Tensor?, to parameter: Int) {
        guard let gradient else { return }
        sums[parameter] = sums[parameter].map { $0 + gradient } ?? gradient
    }

    mutating func finish() {}

    func gradient(of share: Int) -> Tensor? { sums[share].map { $0.flattened() } }

    mutating func reset() { sums = sums.map { _ in nil } }
}
