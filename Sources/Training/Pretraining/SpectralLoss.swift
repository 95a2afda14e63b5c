package import TensorCore

/// How far made sounds are from real ones in what short-time spectra of several window lengths say of
/// their magnitudes: short windows see when something happens, long ones which tone it is.
///
/// Of each length, the difference over the real spectrum's norm and the mean difference of logarithms
/// are added, and the lengths' sums are averaged.
///
/// - Source: Yamamoto et al. 2020, arXiv:1910.11480, equations 5 to 7; it averages over a batch what is
///   told apart by sample here, so that batches can be split
package struct SpectralLoss: Sendable {
    /// Samples of a frame; the hop is a quarter of them.
    package let windows: [Int]

    package init(windows: [Int]) { self.windows = windows }

    /// What is quieter is not heard, and counts as it: some 80 dB below a tone at half of full scale.
    private static let floor: Float = 1e-2
    /// The least norm of a spectrum that differences are held against: silence has none.
    private static let leastNorm: Float = 1

    /// - Shapes: two of `[batch, samples]`, more samples than half of the longest window → `[batch]`
    package func callAsFunction(made: Tensor, real: Tensor) -> Tensor {
        let losses = windows.map { window in
            let (made, real) = (magnitudes(made, window), magnitudes(real, window))
            let norm = real.squared().sum([1, 2]).squareRoot()
                .clamped(to: Self.leastNorm...Float.infinity)
            // The root of no difference would have no slope.
            let distance = (made - real).squared().sum([1, 2])
                .clamped(to: 1e-14...Float.infinity).squareRoot()
            let levels = (logarithms(made) - logarithms(real)).absolute().mean([1, 2])
            return distance / norm + levels
        }
        return losses.dropFirst().reduce(losses[0], +) / Float(windows.count)
    }

    /// `[batch, samples]` → `[batch, window / 2 + 1, frames]`
    private func magnitudes(_ sounds: Tensor, _ window: Int) -> Tensor {
        sounds.shortTimeFourierTransform(
            window, hop: window / 4, window: .hannWindow(window, device: sounds.device)
        ).squared().sum([-1]).clamped(to: 1e-14...Float.infinity).squareRoot()
    }

    private func logarithms(_ magnitudes: Tensor) -> Tensor {
        magnitudes.clamped(to: Self.floor...Float.infinity).log()
    }
}
