public import TensorCore

extension AutoencoderKL {
    /// `decode` in overlapping tiles, for pictures whose activations would not fit in memory.
    ///
    /// Each tile is normalised by itself, so colours shift slightly against `decode`; overlaps of
    /// a quarter are blended. Up to one tile, `sampleSize` pixels high and wide, both are the same.
    ///
    /// - Shapes: as `decode`
    /// - Source: diffusers, `AutoencoderKL.tiled_decode`
    public func decodeTiled(_ latents: Tensor) -> Tensor {
        let pixels = config.sampleSize ?? 512
        let tile = max(1, pixels / config.pixelsPerLatent)
        guard max(latents.shape[2], latents.shape[3]) > tile else { return decode(latents) }
        let (step, overlap) = (max(1, tile * 3 / 4), pixels / 4)

        var above: [Tensor] = []
        var rows: [Tensor] = []
        for top in stride(from: 0, to: latents.shape[2], by: step) {
            var row: [Tensor] = []
            for (column, left) in stride(from: 0, to: latents.shape[3], by: step).enumerated() {
                var part = decode(
                    latents.clipped(2, top..<(top + tile)).clipped(3, left..<(left + tile)))
                if !above.isEmpty { part = part.blended(after: above[column], overlap, axis: 2) }
                if let last = row.last { part = part.blended(after: last, overlap, axis: 3) }
                row.append(part)
            }
            let kept = row.map { $0.clipped(3, 0..<(pixels - overlap)) }
            rows.append(Tensor.concatenate(kept, axis: 3).clipped(2, 0..<(pixels - overlap)))
            above = row
        }
        return Tensor.concatenate(rows, axis: 2)
    }
}

extension Tensor {
    /// The part of an axis in `range`, as far as it reaches.
    fileprivate func clipped(_ axis: Int, _ range: Range<Int>) -> Tensor {
        sliced(axis, range.clamped(to: 0..<shape[axis]))
    }

    /// This tensor, whose first `overlap` elements along `axis` fade in from the last ones of
    /// `previous`.
    fileprivate func blended(after previous: Tensor, _ overlap: Int, axis: Int) -> Tensor {
        let length = Swift.min(overlap, shape[axis], previous.shape[axis])
        if length == 0 { return self }
        var ramp = [Int](repeating: 1, count: rank)
        ramp[axis] = length
        let share = Tensor(
            (0..<length).map { Float($0) / Float(length) }, ramp, device: device)
        let last = previous.shape[axis]
        let blend =
            previous.sliced(axis, (last - length)..<last) * (1 - share)
            + sliced(axis, 0..<length) * share
        return Tensor.concatenate([blend, sliced(axis, length..<shape[axis])], axis: axis)
    }
}
