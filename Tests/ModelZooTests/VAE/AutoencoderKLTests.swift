import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct AutoencoderKLTests {
    static let devices = [Device.cpu, .reference]

    private func autoencoder(_ fixture: Fixture, _ device: Device) throws -> AutoencoderKL {
        let weights = Weights(try fixture.weights, device: device)
        let autoencoder = try AutoencoderKL(try fixture.config(), from: weights)
        try weights.finish()
        return autoencoder
    }

    private func error(_ found: Tensor, _ fixture: Fixture, _ name: String) -> Float {
        relativeError(
            found, fixture[name], of: "Autoencoder, tiny, \(name), \(found.device)",
            original: fixture.source)
    }

    @Test(arguments: devices)
    func picturesMatchBothWays(device: Device) throws {
        let fixture = try Fixture("vae_image")  // made by vae.py
        let vae = try autoencoder(fixture, device)
        let decoded = vae.decode(recipeInput("z", [1, 4, 5, 6]).on(device))
        #expect(error(decoded, fixture, "decoded") <= 1e-4)
        #expect(
            GoldenRow(
                [-0.177544, -0.092469, -0.316202, -0.465089], [0.132706, -0.014416], -32.53223,
                103.46821
            ).matches(decoded))

        let encoded = vae.encode(recipeInput("img", [1, 3, 10, 12], scale: 2).on(device))
        #expect(error(encoded.mean, fixture, "mean") <= 1e-4)
        #expect(error(encoded.logVariance, fixture, "logvar") <= 1e-4)
        #expect(error(encoded.divergence(), fixture, "kl") <= 1e-4)
        #expect(
            GoldenRow(
                [0.180139, 0.135802, 0.142324, -0.093295], [0.316429, 0.153248], 9.68062, 24.47390
            ).matches(encoded.mean))
        #expect(
            GoldenRow(
                [-0.102920, -0.005553, -0.005738, 0.177111], [-0.031570, 0], -1.60810, 20.61757
            ).matches(encoded.logVariance))

        let odd = vae.encode(recipeInput("odd", [2, 3, 7, 5], scale: 2).on(device))
        #expect(error(odd.mean, fixture, "odd_mean") <= 1e-4)
        #expect(error(odd.logVariance, fixture, "odd_logvar") <= 1e-4)
    }

    @Test func tilesMatchTheOriginalsTiles() throws {
        let fixture = try Fixture("vae_image")
        let vae = try autoencoder(fixture, .cpu)
        let latents = recipeInput("z2", [1, 4, 12, 20])
        let (whole, tiled) = (vae.decode(latents), vae.decodeTiled(latents) {})
        #expect(error(whole, fixture, "untiled") <= 1e-4)
        #expect(error(tiled, fixture, "tiled") <= 1e-4)
        #expect(
            GoldenRow(
                [0.010350, 0.019003, 0.134014, 0.145299], [0.181642, 0.353785], -257.54088,
                738.46313
            ).matches(whole))
        #expect(
            GoldenRow(
                [0.014536, 0.005970, 0.148228, 0.145457], [0.108036, 0.508016], -319.02208,
                763.87737
            ).matches(tiled))
        let small = latents.sliced(2, 0..<8).sliced(3, 0..<8)
        #expect(vae.decodeTiled(small) {}.floats() == vae.decode(small).floats())
    }

    /// What tiles add to a picture is as smooth where two of them meet as anywhere else.
    @Test func tilesHaveNoSeams() throws {
        let fixture = try Fixture("vae_image")
        let vae = try autoencoder(fixture, .cpu)
        // One wave over the whole: even, as skies are.
        let values = (0..<4).flatMap { channel in
            (0..<26).flatMap { y in
                (0..<26).map { x in Float(sin(0.2 * Double(x + y) + Double(channel))) }
            }
        }
        let latents = Tensor(values, [1, 4, 26, 26])
        let added = vae.decodeTiled(latents) {} - vae.decode(latents)
        let steps = (added.sliced(3, 1..<52) - added.sliced(3, 0..<51)).squared()
        func mean(_ columns: [Int]) -> Float {
            columns.map { steps.sliced(3, $0..<($0 + 1)).mean().item() }.reduce(0, +)
                / Float(columns.count)
        }
        // Tiles of 16 pixels lie 12 apart: a step of one begins at each multiple of 12.
        let seams = Array(stride(from: 11, to: 51, by: 12))
        let others = (0..<51).filter { !seams.contains($0) }
        #expect(mean(seams) <= 1.5 * mean(others))
    }

    @Test func tilesOfPicturesAreEncodedAsTheyAreDecoded() throws {
        let fixture = try Fixture("vae_image")
        let vae = try autoencoder(fixture, .cpu)
        let small = recipeInput("img", [1, 3, 16, 16], scale: 2)
        #expect(vae.encodeTiled(small) {}.mean.floats() == vae.encode(small).mean.floats())
        var (layers, one) = (0, 0)
        _ = vae.encode(small, onLayer: { one += 1 })
        let large = recipeInput("img", [1, 3, 40, 28], scale: 2)
        let found = vae.encodeTiled(large) { layers += 1 }
        #expect(found.mean.shape == [1, 4, 20, 14] && found.logVariance.shape == [1, 4, 20, 14])
        #expect(one > 4 && layers == 4 * 3 * one)
        // The first tile's inner part is that of its own picture.
        let first = vae.encode(large.sliced(2, 0..<16).sliced(3, 0..<16)).mean
        #expect(
            found.mean.sliced(2, 0..<6).sliced(3, 0..<6).floats()
                == first.sliced(2, 0..<6).sliced(3, 0..<6).floats())
    }

    @Test(arguments: devices)
    func spectrogramsOfThreeLevelsMatch(device: Device) throws {
        let fixture = try Fixture("vae_sound")
        let vae = try autoencoder(fixture, device)
        #expect(vae.config.latentScale == 0.9 && vae.config.pixelsPerLatent == 4)
        let decoded = vae.decode(recipeInput("z", [2, 8, 3, 2]).on(device))
        #expect(error(decoded, fixture, "decoded") <= 1e-4)
        let encoded = vae.encode(recipeInput("mel", [1, 1, 9, 8]).on(device))
        #expect(error(encoded.mean, fixture, "mean") <= 1e-4)
    }

    @Test(arguments: devices)
    func attentionOverPixelsMatchesItsRow(device: Device) throws {
        let attention = try recipe(on: device) { try PixelAttention(32, groups: 8, from: $0) }
        let found = attention(recipeInput("x", [1, 32, 3, 4], scale: 0.02).on(device))
        #expect(
            GoldenRow(
                [0.083310, 0.085165, 0.105523, 0.088658], [0.021605, -0.021118], 6.05374, 36.91408
            ).matches(found))
    }

    @Test func theOldNamesOfAttentionAreRead() throws {
        let fixture = try Fixture("vae_image")
        let old = ["to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"]
        let renamed = try fixture.weights.renamed { name in
            for (new, old) in old {
                if let range = name.firstRange(of: "attentions.0.\(new)") {
                    return name[..<range.lowerBound] + "attentions.0.\(old)"
                        + name[range.upperBound...]
                }
            }
            return name
        }
        let weights = Weights(renamed)
        let vae = try AutoencoderKL(try fixture.config(), from: weights)
        try weights.finish()
        #expect(error(vae.decode(recipeInput("z", [1, 4, 5, 6])), fixture, "decoded") <= 1e-4)
    }

    @Test func aSampleIsTheMeanAndScaledNoise() {
        let moments = LatentDistribution(
            mean: Tensor([1, 2] as [Float], [1, 1, 1, 2]),
            logVariance: Tensor([0, -30] as [Float], [1, 1, 1, 2]))
        let sample = moments.sample(Tensor([0.5, 1] as [Float], [1, 1, 1, 2]))
        #expect(sample.isClose(to: Tensor([1.5, 2] as [Float], [1, 1, 1, 2]), absolute: 1e-5))
    }

    @Test func whatIsNotImplementedIsRefused() {
        func refusal(_ change: (inout AutoencoderKLConfig) -> Void) -> Bool {
            var config = AutoencoderKLConfig(
                channels: 3, latentChannels: 4, blockOutChannels: [32, 64])
            change(&config)
            do {
                _ = try AutoencoderKL(config, from: .shapesOnly())
                return false
            } catch { return error is ConfigError }
        }
        #expect(!refusal { _ in })
        #expect(refusal { $0.upBlockTypes = ["UpDecoderBlock2D", "AttnUpDecoderBlock2D"] })
        #expect(refusal { $0.usePostQuantConv = false })
        #expect(refusal { $0.shiftFactor = 0.1 })
        #expect(refusal { $0.blockOutChannels = [] })
        #expect(refusal { $0.normNumGroups = 24 })
    }
}
