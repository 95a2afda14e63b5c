public import TensorCore

/// Classifier-free guidance: what the network answers with a condition, pushed away from what it
/// answers without.
///
/// Paper: Ho and Salimans 2022, arXiv:2207.12598.
public struct Guidance: Sendable {
    /// 1 is the condition alone; greater pushes further.
    public let scale: Float
    /// `[1, …]`
    let conditional: Tensor
    /// `[1, …]`; nil where the scale leaves nothing to push.
    let unconditional: Tensor?
    /// Both branches in one evaluation of twice the batch, rather than one after the other in
    /// half the memory.
    let batched: Bool

    /// Guidance from one condition away from another, which is asked for only where it counts.
    public init(
        scale: Float, towards conditional: Tensor, awayFrom unconditional: () throws -> Tensor,
        batched: Bool
    ) rethrows {
        self.scale = scale
        self.conditional = conditional
        self.unconditional = scale > 1 ? try unconditional() : nil
        self.batched = batched
    }

    /// The guided answer for `latents [n, …]`, all after the one condition; `evaluate` takes
    /// latents and conditions of one batch size.
    public func callAsFunction(
        _ latents: Tensor,
        evaluate: (_ latents: Tensor, _ condition: Tensor) throws -> Tensor
    ) rethrows -> Tensor {
        let count = latents.shape[0]
        let wanted = conditional.tiled(count, axis: 0)
        guard let unwanted = unconditional?.tiled(count, axis: 0) else {
            return try evaluate(latents, wanted)
        }
        let (without, with): (Tensor, Tensor)
        if batched, unwanted.shape == wanted.shape {
            let both = try evaluate(
                latents.tiled(2, axis: 0), Tensor.concatenate([unwanted, wanted], axis: 0))
            (without, with) = (both[0..<count], both[count..<(2 * count)])
        } else {
            (without, with) = (try evaluate(latents, unwanted), try evaluate(latents, wanted))
        }
        return without + (with - without) * scale
    }
}
