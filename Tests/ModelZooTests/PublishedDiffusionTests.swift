import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Names, shapes and counts of the published decoders, without their values.
@Suite struct PublishedDiffusionTests {
    private struct Network<Config: Decodable>: Decodable {
        let config: Config
        let tensors: Int
        let parameters: Int
        let hash: UInt32
    }

    /// Whether a network asks for exactly the tensors of the original class; `key` names an
    /// entry of published_diffusion.json, made by published_diffusion.py.
    private func check<Config: Decodable>(
        _ key: String, _ parameters: Int, _ build: (Config, Weights) throws -> Void
    ) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let file = try Data(
            contentsOf: URL(filePath: Fixture.path("published_diffusion.json")))
        let all = try JSONSerialization.jsonObject(with: file) as? [String: Any]
        let entry = try JSONSerialization.data(withJSONObject: try #require(all?[key]))
        let network = try decoder.decode(Network<Config>.self, from: entry)

        let weights = Weights.shapesOnly()
        try build(network.config, weights)
        let lines = weights.parameters.map {
            "\($0.name)\($0.value.shape)".filter { $0 != " " }
        }.sorted()
        #expect(lines.count == network.tensors)
        #expect(count(weights) == parameters && network.parameters == parameters)
        let text = lines.joined(separator: "\n")
        let hash = text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        #expect(hash == network.hash, "\(key): a name or a shape differs")
    }

    private func count(_ weights: Weights) -> Int {
        weights.parameters.reduce(0) { $0 + $1.value.count }
    }

    @Test func stableDiffusionsUNetIsTheOriginals() throws {
        try check("unet.image", 859_520_964) { _ = try UNet($0, from: $1) }
    }

    @Test func audioLDMsUNetIsTheOriginals() throws {
        try check("unet.sound", 739_139_080) { _ = try UNet($0, from: $1) }
    }

    @Test func zeroScopesUNetIsTheOriginals() throws {
        try check("unet.video", 1_411_233_860) { _ = try UNet($0, from: $1) }
    }

    @Test func theAutoencodersAreTheOriginals() throws {
        try check("vae.image", 83_653_863) { _ = try AutoencoderKL($0, from: $1) }
        try check("vae.sound", 55_376_873) { _ = try AutoencoderKL($0, from: $1) }
    }

    @Test func theVocoderIsTheOriginal() throws {
        try check("vocoder", 55_264_897) { _ = try HiFiGAN($0, from: $1) }
    }

    // MARK: The published files themselves

    static let folder = "published-configs"

    private func published<Config: Decodable>(_ path: String) throws -> Config {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let file = URL(filePath: TestData.path("\(Self.folder)/\(path)/config.json"))
        return try decoder.decode(Config.self, from: Data(contentsOf: file))
    }

    @Test(
        .enabled(if: TestData.has(folder)),
        arguments: [
            ("stable-diffusion-v1-5", 859_520_964), ("audioldm-s-full-v2", 739_139_080),
            ("text-to-video-ms-1.7b", 1_411_233_860),
        ])
    func publishedUNetConfigurationsGiveThePublishedSizes(release: String, size: Int) throws {
        var config: UNetConfig = try published("\(release)/unet")
        if release.hasPrefix("audioldm") {
            // l-full differs from the small release in its widths alone.
            config.blockOutChannels = [256, 512, 768, 1280]
            config.crossAttentionDim = .each(config.blockOutChannels)
        }
        let weights = Weights.shapesOnly()
        _ = try UNet(config, from: weights)
        #expect(count(weights) == size)
    }

    @Test(
        .enabled(if: TestData.has(folder)),
        arguments: [
            ("stable-diffusion-v1-5", 83_653_863), ("audioldm-s-full-v2", 55_376_873),
            ("text-to-video-ms-1.7b", 83_653_863),
        ])
    func publishedAutoencoderConfigurationsGiveThePublishedSizes(release: String, size: Int)
        throws
    {
        let weights = Weights.shapesOnly()
        _ = try AutoencoderKL(try published("\(release)/vae"), from: weights)
        #expect(count(weights) == size)
    }

    @Test(.enabled(if: TestData.has(folder)))
    func thePublishedVocoderConfigurationGivesThePublishedSize() throws {
        let weights = Weights.shapesOnly()
        _ = try HiFiGAN(try published("audioldm-s-full-v2/vocoder"), from: weights)
        #expect(count(weights) == 55_264_897)
    }
}
