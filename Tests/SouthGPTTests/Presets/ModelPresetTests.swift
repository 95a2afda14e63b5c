import Foundation
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct ModelPresetTests {
    @Test func thePublishedModelHasItsPublishedSizes() throws {
        let parts = try PresetModel(.published()).parts
        func elements(_ folder: String) throws -> Int {
            try parts.filter { $0.folder == folder }.reduce(0) { try $0 + $1.byteCount() / 2 }
        }
        // Section 2.3 of the decoders' specification, and 5.5 of South-GPT's.
        let pretrained = "pretrained_ckpt"
        let expected = [
            "\(pretrained)/runwayml/stable-diffusion-v1-5/unet": 859_520_964,
            "\(pretrained)/runwayml/stable-diffusion-v1-5/vae": 83_653_863,
            "\(pretrained)/runwayml/stable-diffusion-v1-5/text_encoder": 123_060_480,
            "\(pretrained)/cvssp/audioldm-l-full/unet": 739_139_080,
            "\(pretrained)/cvssp/audioldm-l-full/vae": 55_376_873,
            "\(pretrained)/cvssp/audioldm-l-full/text_encoder": 125_302_016,
            "\(pretrained)/cvssp/audioldm-l-full/vocoder": 55_264_897,
            "\(pretrained)/cerspense/zeroscope_v2_576w/unet": 1_411_233_860,
            "\(pretrained)/cerspense/zeroscope_v2_576w/vae": 83_653_863,
            "\(pretrained)/cerspense/zeroscope_v2_576w/text_encoder": 340_387_840,
            "\(pretrained)/vicuna_ckpt/7b_v0": 6_738_415_616,
            "delta_ckpt/southgpt/7b_tiva_v0": 396_045_568,
        ]
        for (folder, count) in expected {
            let found = try elements(folder)
            #expect(found == count, "\(folder)")
        }
        #expect(parts.count == expected.count + 1)
    }

    @Test func aDiskWithoutRoomIsToldBeforeAnythingIsWritten() throws {
        try withTemporaryFolder { folder in
            let error = #expect(throws: ModelError.self) {
                try ModelPreset.published.write(
                    to: "\(folder)/model", seed: 1, room: { _ in 20_000_000_000 })
            }
            let needed = try ModelPreset.published.byteCount
            #expect(
                "\(try #require(error))"
                    == "\(folder)/model: the model takes \(needed / 1_000_000) MB, and 20000 MB are "
                    + "free there. Make room, or name a folder on another disk.")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test func sameSeedSameBytesAlsoOneByOne() throws {
        try withTemporaryFolder { folder in
            let part = try #require(try PresetModel(.tiny()).parts.first { $0.draw == 11 })
            try FileManager.default.createDirectory(
                atPath: "\(folder)/\(part.folder)", withIntermediateDirectories: true)
            func bytes(seed: UInt64, oneByOne: Bool) throws -> Data {
                var sizes: [Int] = []
                try part.write(to: folder, seed: seed, oneByOne: oneByOne) { sizes.append($0) }
                let total = try part.byteCount()
                #expect(sizes == sizes.sorted() && (sizes.last ?? 0) <= total)
                return try Data(
                    contentsOf: URL(
                        filePath: "\(folder)/\(part.folder)/diffusion_pytorch_model.safetensors"))
            }
            for oneByOne in [false, true] {
                let first = try bytes(seed: 5, oneByOne: oneByOne)
                #expect(try bytes(seed: 5, oneByOne: oneByOne) == first)
                #expect(try bytes(seed: 6, oneByOne: oneByOne) != first)
            }
        }
    }
}
