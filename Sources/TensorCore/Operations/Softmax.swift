// Probabilities of rows.

/// Softmax and cross-entropy of rows.
package protocol SoftmaxPrimitives {
    /// Softmax, or its logarithm, over the last axis of `[outer, inner]`.
    func softmax(_ x: Tensor, logarithm: Bool) -> Tensor
    /// The gradient of `softmax` from its result `y` and the gradient of that, both `[outer, inner]`.
    func softmaxGradient(_ y: Tensor, _ gradient: Tensor, logarithm: Bool) -> Tensor
    /// `log Σ exp(row) − row[target]` of each row of `logits [outer, inner]`, and that logarithm;
    /// both 0 where the target, of dense `int32 [outer]`, is `ignored`. Others are in the row.
    func crossEntropy(
        _ logits: Tensor, targets: Tensor, ignored: Int32
    ) -> (losses: Tensor, logSums: Tensor)
    /// The gradient of the logits from that of the losses, `[outer]`.
    func crossEntropyGradient(
        _ logits: Tensor, targets: Tensor, ignored: Int32, logSums: Tensor, gradient: Tensor
    ) -> Tensor
}

extension Tensor {
    private func softmax(logarithm: Bool) -> Tensor {
        let source = real.lastAxisRows
        let y = backend.softmax(source.detached(), logarithm: logarithm)
        return y.recorded(from: source) {
            $0.backend.softmaxGradient(y, $0, logarithm: logarithm)
        }.reshaped(shape)
    }

    /// Softmax over the last axis.
    public func softmax() -> Tensor { softmax(logarithm: false) }
    /// The logarithm of the softmax over the last axis.
    public func logSoftmax() -> Tensor { softmax(logarithm: true) }

    /// The cross-entropy of these logits with the right classes: `−log softmax(logits)[target]`.
    /// Neither the softmax nor its logarithm is stored.
    ///
    /// - Shapes: logits `[…, classes]`, `targets […]` of an integer type → `[…]`, or `[]` where
    ///   reduced
    /// - Parameter ignored: the target of rows that do not count: their loss is 0, and the mean
    ///   is over the others (NaN where there are none, as in PyTorch)
    public func crossEntropy(
        _ targets: Tensor, ignored: Int = -100, reduction: LossReduction = .mean
    ) -> Tensor {
        precondition(
            rank > 0 && targets.shape == Array(shape.dropLast())
                && !targets.dtype.isFloatingPoint,
            "crossEntropy: logits \(shape) with targets \(targets.dtype) \(targets.shape)")
        let classes = shape[rank - 1]
        let indices = targets.detached().flattened().integers()
        for target in indices where target != ignored {
            precondition(
                (0..<classes).contains(target),
                "crossEntropy: target \(target) of \(classes) classes")
        }
        let count = indices.count { $0 != ignored }
        let rows = real.lastAxisRows
        let (x, skipped) = (rows.detached(), Int32(truncatingIfNeeded: ignored))
        let ids = Tensor(
            indices.map { Int32(truncatingIfNeeded: $0) }, [indices.count], device: device)
        let (losses, logSums) = backend.crossEntropy(x, targets: ids, ignored: skipped)
        let result = losses.recorded(from: rows) {
            $0.backend.crossEntropyGradient(
                x, targets: ids, ignored: skipped, logSums: logSums, gradient: $0)
        }
        return switch reduction {
        case .none: result.reshaped(targets.shape)
        case .sum: result.sum()
        case .mean: result.sum() * (1 / Float(count))
        }
    }
}

/// What becomes of the losses of many samples.
public enum LossReduction: Sendable {
    case none, sum, mean
}
