package import ModelZoo
package import TensorCore

// The losses of HiFi-GAN. Paper: Kong et al. 2020, arXiv:2010.05646; Mao et al. 2016,
// arXiv:1611.04076 (least squares); Larsen et al. 2015, arXiv:1512.09300 (features).

/// What discriminators lose by taking real sounds for made ones, and made ones for real: by sample,
/// so that batches can be split, `[batch]`.
package func discriminationLoss(real: [Judgement], made: [Judgement]) -> Tensor {
    zip(real, made).map { real, made in
        (1 - real.scores).squared().mean([1]) + made.scores.squared().mean([1])
    }.summed
}

/// What a generator loses where discriminators see through it, `[batch]`.
package func deceptionLoss(made: [Judgement]) -> Tensor {
    made.map { (1 - $0.scores).squared().mean([1]) }.summed
}

/// The absolute differences of what the discriminators' layers find in real and made sounds,
/// `[batch]`.
package func featureLoss(real: [Judgement], made: [Judgement]) -> Tensor {
    zip(real, made).flatMap { real, made in
        zip(real.features, made.features).map { real, made in
            (real.detached() - made).absolute().mean(Array(1..<made.rank))
        }
    }.summed
}

extension [Tensor] {
    fileprivate var summed: Tensor { dropFirst().reduce(self[0], +) }
}
