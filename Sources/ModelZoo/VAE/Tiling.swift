public import TensorCore

extension AutoencoderKL {
    /// `decode` in overlapping tiles, for pictures whose activations would not fit in memory.
    ///
    /// Each tile is normalised by itself, so colours shift slightly against `decode`; overlaps of
    /// a quarter are blended. Up to one tile, `sampleSize` pixels high and wide, both are the same.
    ///
    /// - Shapes: as `decode`
    /// - Parameter onLayer: called before every layer of every tile; what it throws ends the work
    /// - Source: diffusers, `AutoencoderKL.tiled_decode`
    public func decodeTiled(
        _ latents: Tensor, onLayer: () throws -> Void
    ) rethrows -> Tensor {
        let tile = TileSize(config)
        guard max(latents.shape[2], latents.shape[3]) > tile.latents else {
            return try decode(latents, onLayer: onLayer)
        }
        return try latents.tiled(
            of: tile.latents, overlap: tile.pixels / 4, kept: tile.pixels - tile.pixels / 4
        ) { part in
            try decode(part, onLayer: onLayer)
        }
    }

    /// `encode` in overlapping tiles, likewise.
    ///
    /// - Shapes: as `encode`
    /// - Source: diffusers, `AutoencoderKL.tiled_encode`
    public func encodeTiled(
        _ images: Tensor, onLayer: () throws -> Void
    ) rethrows -> LatentDistribution {
        let tile = TileSize(config)
        guard max(images.shape[2], images.shape[3]) > tile.pixels else {
            return try encode(images, onLayer: onLayer)
        }
        let moments = try images.tiled(
            of: tile.pixels, overlap: tile.latents / 4, kept: tile.latents - tile.latents / 4
        ) { part in
            let found = try encode(part, onLayer: onLayer)
            return Tensor.concatenate([found.mean, found.logVariance], axis: 1)
        }.split(2, axis: 1)
        return LatentDistribution(mean: moments[0], logVariance: moments[1])
    }
}

/// One tile: as large as the pictures that the network was trained on.
private struct TileSize {
    let pixels: Int
    let latents: Int

    init(_ config: AutoencoderKLConfig) {
        pixels = config.sampleSize ?? 512
        latents = max(1, pixels / config.pixelsPerLatent)
    }
}

extension Tensor {
    /// `body` of tiles of `size` that overlap by a quarter, put together again: of each result the
    /// first `kept` rows and columns, whose first `overlap` fade in from the tile before.
    fileprivate func tiled(
        of size: Int, overlap: Int, kept: Int, _ body: (Tensor) throws -> Tensor
    ) rethrows -> Tensor {
        let step = Swift.max(1, size * 3 / 4)
        var above: [Tensor] = []
        var rows: [Tensor] = []
        for top in stride(from: 0, to: shape[2], by: step) {
            var row: [Tensor] = []
            for (column, left) in stride(from: 0, to: shape[3], by: step).enumerated() {
                var part = try body(
                    clipped(2, top..<(top + size)).clipped(3, left..<(left + size)))
                if !above.isEmpty { part = part.blended(after: above[column], overlap, axis: 2) }
                if let last = row.last { part = part.blended(after: last, overlap, axis: 3) }
                row.append(part)
            }
            let wanted = row.map { $0.clipped(3, 0..<kept) }
            rows.append(Tensor.concatenate(wanted, axis: 3).clipped(2, 0..<kept))
            above = row
        }
        return Tensor.concatenate(rows, axis: 2)
    }

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
