public import ModelZoo
import Synchronization
public import TensorCore

/// Small pictures of latents while they are denoised, for a fraction of what decoding costs: a
/// linear map from the latents of a place to its colour.
///
/// The map is fitted to the decoder's own VAE the first time: it decodes patches of even latents,
/// and least squares does the rest.
public final class LatentPreview: Sendable {
    private let decoder: MediaDecoder
    private let map = Mutex<Tensor?>(nil)

    /// Latents a patch is wide, and patches that are decoded in a row and a column.
    private static let (patch, patches) = (4, 6)

    /// Previews of what a decoder of images or clips makes.
    public init(_ decoder: MediaDecoder) { self.decoder = decoder }

    /// What the decoder makes.
    public var modality: Modality { decoder.modality }

    /// A picture of the first of the batch, for clips of its first frame; as many pixels as latents.
    ///
    /// - Shapes: `[batch, channels, (frames,) height, width]` → `[3, height, width]` in [0, 1]
    public func callAsFunction(_ latents: Tensor) -> Tensor {
        var own = latents[0..<1]
        if own.rank == 5 { own = own.sliced(2, 0..<1).squeezed(2) }
        let (height, width) = (own.shape[2], own.shape[3])
        let colors = LatentPreview.rows(own).matmul(fitted())
        return colors.transposed().reshaped([3, height, width]).affine(scale: 0.5, shift: 0.5)
            .clamped(to: 0...1)
    }

    /// Latents by place, and a one: `[places, channels + 1]`.
    private static func rows(_ latents: Tensor) -> Tensor {
        let rows = latents[0].flattened(1...2).transposed()
        let ones = Tensor.full([rows.shape[0], 1], 1, device: latents.device)
        return Tensor.concatenate([rows, ones], axis: 1)
    }

    /// `[channels + 1, 3]`, to colours in [−1, 1].
    private func fitted() -> Tensor {
        map.withLock { map in
            if let map { return map }
            let (patch, patches) = (LatentPreview.patch, LatentPreview.patches)
            var generator = TorchGenerator(seed: 0)
            let config = decoder.config.vae
            let values = generator.normal([1, config.latentChannels, patches, patches])
            let latents = values.repeated(patch, axis: 2).repeated(patch, axis: 3)
            // As a run has them, which is not as the VAE gave them.
            let pixels = decoder.networks.decoded(
                latents.on(decoder.device) / config.latentScale)
            let side = patch * config.pixelsPerLatent
            // The mean colour of each patch; its neighbours show in it a little.
            let means = pixels.reshaped([3, patches, side, patches, side]).mean([2, 4])
            let found = LatentPreview.leastSquares(
                LatentPreview.rows(values), means.reshaped([3, -1]).transposed())
            map = found.on(decoder.device)
            return found.on(decoder.device)
        }
    }

    /// The `m [n, k]` that makes `x m` nearest to `y`, by the normal equations in double precision.
    private static func leastSquares(_ x: Tensor, _ y: Tensor) -> Tensor {
        let (rows, n, k) = (x.shape[0], x.shape[1], y.shape[1])
        let (a, b) = (x.floats().map(Double.init), y.dense().floats().map(Double.init))
        // The augmented matrix [xᵀx | xᵀy], reduced by Gauss and Jordan.
        var m = [[Double]](repeating: [Double](repeating: 0, count: n + k), count: n)
        for row in 0..<rows {
            for i in 0..<n {
                for j in 0..<n { m[i][j] += a[row * n + i] * a[row * n + j] }
                for j in 0..<k { m[i][n + j] += a[row * n + i] * b[row * k + j] }
            }
        }
        for i in 0..<n { m[i][i] += 1e-6 * Double(rows) }
        for i in 0..<n {
            let pivot = m[i][i]
            for j in 0..<(n + k) { m[i][j] /= pivot }
            for other in 0..<n where other != i {
                let factor = m[other][i]
                for j in 0..<(n + k) { m[other][j] -= factor * m[i][j] }
            }
        }
        return Tensor(m.flatMap { $0[n...].map { Float($0) } }, [n, k])
    }
}
