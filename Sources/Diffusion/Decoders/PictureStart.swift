public import TensorCore

/// A picture that a run changes, rather than making a new one.
public struct PictureStart: Sendable {
    /// The picture, of the size that is made: `[3, height, width]` in [0, 1].
    public var picture: Tensor
    /// How much of the run is left to change it, from nothing of it at 0 to all of it at 1.
    public var strength: Float
    /// Where it may change: `[height, width]`, above one half; nil changes all.
    public var mask: Tensor?

    /// A picture, and perhaps where it may change.
    ///
    /// - Parameter strength: 0.8 unless given, 1 with a mask, as in the originals
    public init(_ picture: Tensor, strength: Float? = nil, mask: Tensor? = nil) {
        self.picture = picture
        self.mask = mask
        self.strength = strength ?? (mask == nil ? 0.8 : 1)
    }
}

extension PictureStart {
    /// Evaluations that are left out of a list of them, for a run of `steps`.
    ///
    /// - Source: diffusers, `StableDiffusionImg2ImgPipeline.get_timesteps`
    func skipped(steps: Int) -> Int { steps - min(Int(Float(steps) * strength), steps) }

    /// Throws unless a picture of that size can be changed like this.
    func check(height: Int, width: Int, steps: Int) throws {
        guard picture.shape == [3, height, width] else {
            throw DecoderError.option(
                name: "the picture to begin from", found: "\(picture.shape)",
                expected: "\([3, height, width])")
        }
        if let mask, mask.shape != [height, width] {
            throw DecoderError.option(
                name: "the mask", found: "\(mask.shape)", expected: "\([height, width])")
        }
        guard (0...1).contains(strength), skipped(steps: steps) < steps else {
            throw DecoderError.option(
                name: "strength", found: "\(strength)",
                expected: "0 to 1, and with \(steps) steps enough for one of them")
        }
    }

    /// The mask as zeros and ones at the size of the latents, every `factor`-th pixel of it:
    /// `[1, 1, height / factor, width / factor]`.
    func latentMask(_ factor: Int) -> Tensor? {
        mask.map { mask in
            let binary = PictureStart.binary(mask)
            return binary.unsqueezed(0).unsqueezed(0).resizedNearest(
                to: [mask.shape[0] / factor, mask.shape[1] / factor])
        }
    }

    /// The picture in [−1, 1], a batch of one.
    var pixels: Tensor { (picture * 2 - 1).unsqueezed(0) }

    /// The same with nothing, a grey, where it may change.
    var maskedPixels: Tensor? {
        mask.map { mask in pixels * (1 - PictureStart.binary(mask)) }
    }

    private static func binary(_ mask: Tensor) -> Tensor {
        Tensor(mask.floats().map { $0 < 0.5 ? 0 : 1 }, mask.shape, device: mask.device)
    }
}
