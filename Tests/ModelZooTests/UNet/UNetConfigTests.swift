import Foundation
import ModelZoo
import TensorCore
import Testing

@Suite struct UNetConfigTests {
    private func config(_ change: (inout UNetConfig) -> Void = { _ in }) -> UNetConfig {
        var config = UNetConfig(
            inChannels: 4, outChannels: 4, blockOutChannels: [32, 64],
            downBlockTypes: ["CrossAttnDownBlock2D", "DownBlock2D"],
            upBlockTypes: ["UpBlock2D", "CrossAttnUpBlock2D"])
        change(&config)
        return config
    }

    private func refusal(_ change: (inout UNetConfig) -> Void) -> String? {
        do {
            _ = try UNet(config(change), from: .shapesOnly())
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func aRefusalNamesTheKeyTheValueAndWhatWouldDo() throws {
        #expect(refusal { _ in } == nil)
        #expect(
            refusal { $0.downBlockTypes[0] = "AttnDownBlock2D" }
                == "config.json of the UNet: 'down_block_types' is AttnDownBlock2D, expected "
                + "DownBlock2D or CrossAttnDownBlock2D. Is it the file of a supported release?")
    }

    @Test func whatIsNotImplementedIsRefused() {
        #expect(refusal { $0.actFn = "gelu" }?.contains("'act_fn' is gelu") == true)
        #expect(refusal { $0.midBlockType = "UNetMidBlock2D" }?.contains("mid_block_type") == true)
        #expect(refusal { $0.additionEmbedType = "text_time" } != nil)
        #expect(refusal { $0.transformerLayersPerBlock = [1, 2] } != nil)
        #expect(refusal { $0.classEmbedType = "timestep" } != nil)
        #expect(refusal { $0.resnetTimeScaleShift = "scale_shift" } != nil)
        #expect(refusal { $0.crossAttentionDim = [24, 32] } != nil)
    }

    @Test func sizesThatCannotBeAreRefused() {
        #expect(refusal { $0.blockOutChannels = [] } != nil)
        #expect(refusal { $0.blockOutChannels = [32, 0] } != nil)
        #expect(
            refusal { $0.blockOutChannels = [32, 48] } != nil, "48 is no multiple of 32 groups")
        #expect(refusal { $0.blockOutChannels = [32, 1 << 40] } != nil)
        #expect(refusal { $0.attentionHeadDim = 5 } != nil)
        #expect(refusal { $0.attentionHeadDim = 0 } != nil)
        #expect(refusal { $0.attentionHeadDim = [8] } != nil)
        #expect(refusal { $0.layersPerBlock = -1 } != nil)
        #expect(refusal { $0.normNumGroups = 0 } != nil)
        #expect(
            refusal {
                $0.downBlockTypes = ["CrossAttnDownBlock3D", "DownBlock3D"]
                $0.upBlockTypes = ["UpBlock3D", "CrossAttnUpBlock3D"]
            }?.contains("multiple of 64") == true, "heads of the default width do not fit 32")
    }

    @Test func onePublishedKeyMayHoldOneNumberOrOneForEachLevel() throws {
        let decoder = JSONDecoder()
        #expect(try decoder.decode(PerLevel.self, from: Data("8".utf8)) == 8)
        #expect(try decoder.decode(PerLevel.self, from: Data("[5, 10]".utf8)) == [5, 10])
        #expect(try JSONEncoder().encode(PerLevel.each([5, 10])) == Data("[5,10]".utf8))
        #expect(try JSONEncoder().encode(PerLevel.same(8)) == Data("8".utf8))
        #expect(throws: DecodingError.self) {
            try decoder.decode(PerLevel.self, from: Data("\"8\"".utf8))
        }
    }
}
