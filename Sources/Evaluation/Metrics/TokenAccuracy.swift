public import TensorCore

/// The label of a position that does not count.
public let ignoredLabel = -100

/// How many next tokens a model's most likely ones get right, counted as the reference's logs do.
///
/// The prediction at position p is held against label p + 1, for every p but the first and the
/// last, over labels that count; the quotient is `correct / (counted + 1)`.
///
/// - Shapes: `logits [batch, time, vocabulary]`, `labels [batch, time]`
/// - Source: NExT-GPT's training step, `mle_acc`
public func tokenAccuracy(logits: Tensor, labels: Tensor) -> Double {
    precondition(
        logits.rank == 3 && labels.shape == Array(logits.shape.dropLast()),
        "tokenAccuracy: logits \(logits.shape), labels \(labels.shape)")
    let (batch, time) = (labels.shape[0], labels.shape[1])
    guard time > 2 else { return 0 }
    let (predicted, expected) = (logits.argMax().integers(), labels.integers())
    var (correct, counted) = (0, 0)
    for row in 0..<batch {
        for position in 1...(time - 2) {
            let label = expected[row * time + position + 1]
            guard label != ignoredLabel else { continue }
            counted += 1
            correct += predicted[row * time + position] == label ? 1 : 0
        }
    }
    return Double(correct) / (Double(counted) + 1)
}
