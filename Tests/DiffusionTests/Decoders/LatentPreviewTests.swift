import Diffusion
import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct LatentPreviewTests {
    private func decoder() throws -> MediaDecoder {
        let configs = try Fixture("decoders").config([String: TinyDecoder].self)
        return try TinyDecoder.decoder(
            try #require(configs["image"]).config(.image)
        ) { _, length in [Int](repeating: 49407, count: length) }.decoder
    }

    /// The preview of even latents is near the colour that decoding gives them: nearer than the mean
    /// colour of all of them is, although a VAE of random weights is hardly linear.
    @Test func previewsHaveTheColoursOfThePicture() throws {
        let decoder = try decoder()
        let preview = LatentPreview(decoder)
        var generator = TorchGenerator(seed: 5)
        var (ours, plain): (Float, Float) = (0, 0)
        for _ in 0..<8 {
            let values = generator.normal([1, 4, 3, 3])
            let latents = values.repeated(4, axis: 2).repeated(4, axis: 3)
            let picture = decoder.networks.decoded(latents / decoder.config.vae.latentScale)
            let colours = picture.affine(scale: 0.5, shift: 0.5)
                .reshaped([3, 3, 8, 3, 8]).mean([2, 4])
            let found = preview(latents)
            #expect(found.shape == [3, 12, 12])
            #expect(found.floats().allSatisfy((Float(0)...1).contains))
            let seen = found.reshaped([3, 3, 4, 3, 4]).mean([2, 4])
            ours += (seen - colours).squared().sum().item()
            plain += (colours.mean([1, 2], keepingAxes: true) - colours).squared().sum().item()
        }
        #expect(ours < 0.85 * plain)
    }
}
