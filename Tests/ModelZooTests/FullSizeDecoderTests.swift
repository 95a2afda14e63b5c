import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Blocks at their published sizes, and the whole of Stable Diffusion's UNet.
@Suite struct FullSizeDecoderTests {
    /// The largest relative error of the elements that the fixture has.
    private func error(_ found: Tensor, _ name: String, _ fixture: Fixture) -> Float {
        let values = found.floats()
        let some = stride(from: 0, to: values.count, by: 97).map { values[$0] }
        return relativeError(
            Tensor(some, [some.count]), fixture[name], of: "Full size, decoders: \(name)",
            original: fixture.source)
    }

    private func x(_ shape: Shape) -> Tensor { recipeInput("x", shape) }

    @Test func blocksOfTheUNetsMatch() throws {
        let fixture = try Fixture("full_size_decoders")  // by full_size_decoders.py
        let resnet = try recipe(on: .cpu) {
            try ResnetBlock(
                320, 640, embedding: 1280, groups: 32, epsilon: 1e-5, from: $0)
        }
        let embedding = recipeInput("temb", [2, 1280]).silu()
        #expect(error(resnet(x([2, 320, 12, 9]), embedding: embedding), "resnet", fixture) <= 1e-4)
        let spatial = try recipe(on: .cpu) {
            try SpatialTransformer(
                640, heads: 8, context: 768, groups: 32, linear: false, from: $0)
        }
        let context = recipeInput("ctx", [2, 77, 768])
        #expect(error(spatial(x([2, 640, 9, 8]), context: context), "spatial", fixture) <= 1e-5)
        let alone = try recipe(on: .cpu) {
            try SpatialTransformer(
                512, heads: 8, context: nil, groups: 32, linear: false, from: $0)
        }
        #expect(
            error(alone(x([2, 512, 9, 8]), context: nil), "spatial_alone", fixture) <= 1e-5)
        let temporal = try recipe(on: .cpu) {
            try TemporalTransformer(640, heads: 10, headSize: 64, groups: 32, from: $0)
        }
        #expect(error(temporal(x([8, 640, 3, 4]), frames: 8), "temporal", fixture) <= 1e-5)
        let convolution = try recipe(on: .cpu) { try TemporalConvolution(640, from: $0) }
        #expect(error(convolution(x([8, 640, 3, 4]), frames: 8), "convolution", fixture) <= 1e-5)
        let down = try recipe(on: .cpu) { try Downsample(640, padsBothSides: true, from: $0) }
        #expect(error(down(x([1, 640, 9, 8])), "down", fixture) <= 1e-5)
        let up = try recipe(on: .cpu) { try Upsample(640, from: $0) }
        #expect(error(up(x([1, 640, 6, 5])), "up", fixture) <= 1e-4)
    }

    @Test func blocksOfTheOtherNetworksMatch() throws {
        let fixture = try Fixture("full_size_decoders")
        let attention = try recipe(on: .cpu) { try PixelAttention(512, groups: 32, from: $0) }
        #expect(error(attention(x([1, 512, 8, 8])), "pixel_attention", fixture) <= 1e-5)
        let ids = Tensor([48, 3, 17, 9, 49, 49, 49, 49] as [Int32], [1, 8])
        for (name, width, heads, activation) in [
            ("clip_image", 768, 12, "quick_gelu"), ("clip_video", 1024, 16, "gelu"),
        ] {
            let clip = try recipe(on: .cpu) {
                try CLIPTextModel(
                    CLIPTextConfig(
                        vocabSize: 50, hiddenSize: width, intermediateSize: 4 * width,
                        numHiddenLayers: 1, numAttentionHeads: heads, maxPositionEmbeddings: 77,
                        hiddenAct: activation), from: $0)
            }
            #expect(error(clip(ids), name, fixture) <= 1e-5)
        }
        let clap = try recipe(on: .cpu) {
            try CLAPTextModel(
                CLAPTextConfig(
                    vocabSize: 50, hiddenSize: 768, intermediateSize: 3072, numHiddenLayers: 1,
                    numAttentionHeads: 12, maxPositionEmbeddings: 514, projectionDim: 512),
                from: $0)
        }
        let caption = Tensor([0, 7, 12, 30, 2, 1, 1, 1] as [Int32], [1, 8])
        #expect(error(clap(caption), "clap", fixture) <= 1e-5)
        let vocoder = try recipe(on: .cpu) {
            try HiFiGAN(
                HiFiGANConfig(
                    melBins: 64, initialChannels: 512, upsampleRates: [4],
                    upsampleKernelSizes: [16]), from: $0)
        }
        #expect(error(vocoder(recipeInput("mel", [1, 12, 64])), "vocoder", fixture) <= 1e-4)
    }

    private static let runs = ProcessInfo.processInfo.environment["SOUTHGPT_FULL_SIZE"] != nil

    /// 3.4 GB of weights: asked for by `SOUTHGPT_FULL_SIZE=1`.
    @Test(.enabled(if: runs, "SOUTHGPT_FULL_SIZE=1 runs it: 5 GB of memory"))
    func theUNetOfStableDiffusionMatches() throws {
        let fixture = try Fixture("full_size_unet")
        var config = UNetConfig(
            inChannels: 4, outChannels: 4, blockOutChannels: [320, 640, 1280, 1280],
            downBlockTypes: ["CrossAttn", "CrossAttn", "CrossAttn", ""].map { "\($0)DownBlock2D" },
            upBlockTypes: ["", "CrossAttn", "CrossAttn", "CrossAttn"].map { "\($0)UpBlock2D" })
        (config.crossAttentionDim, config.attentionHeadDim) = (768, 8)
        let unet = try recipe(on: .cpu) { try UNet(config, from: $0) }
        let found = unet(
            recipeInput("sample", [1, 4, 64, 64]), timestep: 500,
            context: recipeInput("ctx", [1, 77, 768]))
        let error = relativeError(
            found, fixture["output"], of: "Full size, decoders: UNet of Stable Diffusion 1.5",
            original: fixture.source)
        print("the UNet of Stable Diffusion 1.5: \(error)")
        #expect(error <= 1e-4)
    }
}
