import TensorCore

/// How far projections are from the embeddings of the captions that they stand for, summed over the
/// spans: of each span the mean over its rows of the Euclidean distance. Not a square: logs call it
/// `mse_loss` all the same, as the original does.
///
/// - Shapes: both `[spans, rows, width]` → `[]`
/// - Source: NExT-GPT's training step; the 1e-12 keeps the gradient finite where both agree
func alignmentLoss(_ projected: Tensor, _ targets: Tensor) -> Tensor {
    precondition(
        projected.shape == targets.shape && projected.rank == 3,
        "alignmentLoss: projections \(projected.shape), targets \(targets.shape)")
    let squares = (projected - targets).squared().sum([2])
    return (squares + 1e-12).squareRoot().mean([1]).sum()
}
