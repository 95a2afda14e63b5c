import Foundation
import MediaIO
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

/// What a user may do wrong, and what they are told.
@Suite struct BadInputTests {
    /// What opening a damaged copy of the tiny model says.
    private func message(_ damage: (String) throws -> Void) throws -> String {
        try withTemporaryFolder { folder in
            let model = try TinyFolder.copy(in: folder)
            try damage(model)
            do {
                _ = try MultimodalModel(model).verify()
                Issue.record("the damaged model was opened")
                return ""
            } catch {
                return "\(error)"
            }
        }
    }

    private let unet = "pretrained_ckpt/stable-diffusion-tiny/unet"
    private var unetFile: String { "\(unet)/diffusion_pytorch_model.safetensors" }

    /// Rewrites the image UNet's tensors.
    private func rewrite(
        _ model: String, _ change: (inout [(name: String, value: Tensor)]) -> Void
    ) throws {
        let file = "\(model)/\(unetFile)"
        var tensors = try Checkpoint(contentsOf: file).tensors.map {
            (name: $0.name, value: try $0.tensor().cast(to: .float16))
        }
        change(&tensors)
        try FileManager.default.removeItem(atPath: file)
        try Safetensors.write(tensors, metadata: ["format": "pt"], to: file)
    }

    @Test func aMissingModelFolderIsNamedWithTheCommandThatMakesOne() {
        #expect(throws: ModelError.missingFolder(path: "/nowhere/model")) {
            _ = try MultimodalModel("/nowhere/model")
        }
        #expect("\(ModelError.missingFolder(path: "m"))".contains("southgpt-checkpoint init"))
    }

    @Test func aFolderWithoutAManifestIsNoModel() throws {
        try withTemporaryFolder { folder in
            #expect(throws: ModelError.missingManifest(folder: folder)) {
                _ = try MultimodalModel(folder)
            }
        }
    }

    @Test func aMissingComponentIsNamed() throws {
        let text = try message { model in
            try FileManager.default.removeItem(atPath: "\(model)/pretrained_ckpt/audioldm-tiny")
        }
        #expect(text.contains("decoder.audio") && text.contains("audioldm-tiny"))
    }

    @Test func aMissingPartOfADecoderIsNamed() throws {
        let text = try message { model in
            try FileManager.default.removeItem(
                atPath: "\(model)/pretrained_ckpt/stable-diffusion-tiny/vae")
        }
        #expect(text.contains("stable-diffusion-tiny/vae"))
    }

    @Test func aTruncatedWeightFileIsRefused() throws {
        let text = try message { model in
            let file = "\(model)/\(unetFile)"
            let data = try Data(contentsOf: URL(filePath: file))
            try data.prefix(data.count / 2).write(to: URL(filePath: file))
        }
        #expect(text.contains(unetFile) && text.contains("not a sound checkpoint"))
    }

    @Test func anEmptyWeightFileIsRefused() throws {
        let text = try message { model in
            try Data().write(to: URL(filePath: "\(model)/\(unetFile)"))
        }
        #expect(text.contains(unetFile))
    }

    @Test func aWeightFileOfSomethingElseIsRefused() throws {
        let text = try message { model in
            try Data("<html>404 not found</html>".utf8).write(
                to: URL(filePath: "\(model)/\(unetFile)"))
        }
        #expect(text.contains(unetFile))
    }

    @Test func aMissingTensorIsNamedWithItsShape() throws {
        let text = try message { model in
            try rewrite(model) { $0.removeAll { $0.name == "conv_in.weight" } }
        }
        #expect(text.contains("'conv_in.weight' is missing") && text.contains("[32, 4, 3, 3]"))
    }

    @Test func anUnexpectedTensorIsNamed() throws {
        let text = try message { model in
            try rewrite(model) { $0.append(("conv_inn.weight", Tensor.zeros([2], .float16))) }
        }
        #expect(text.contains("'conv_inn.weight'") && text.contains("does not have"))
    }

    @Test func aTensorOfAnotherShapeIsNamedWithBothShapes() throws {
        let text = try message { model in
            try rewrite(model) { tensors in
                for index in tensors.indices where tensors[index].name == "conv_in.bias" {
                    tensors[index].value = Tensor.zeros([33], .float16)
                }
            }
        }
        #expect(text.contains("'conv_in.bias' has shape [33], expected [32]"))
    }

    @Test func aPickleThatCallsSomethingIsRefusedAndNotRun() throws {
        try withTemporaryFolder { folder in
            let mark = "\(folder)/ran"
            // protocol 2, os.system("touch mark"), stop
            var pickle = Data([0x80, 0x02]) + Data("cos\nsystem\n".utf8)
            pickle += Data([0x58]) + withUnsafeBytes(of: UInt32(mark.utf8.count + 6)) { Data($0) }
            pickle += Data("touch \(mark)".utf8) + Data([0x85, 0x52, 0x2e])
            let text = try message { model in
                let file = "\(model)/pretrained_ckpt/imagebind_ckpt/tiny/imagebind_tiny.pth"
                try replacePickle(in: file, with: pickle)
            }
            #expect(text.contains("os.system"))
            #expect(!FileManager.default.fileExists(atPath: mark))
        }
    }

    /// A zip archive with that `data.pkl` alone.
    private func replacePickle(in file: String, with pickle: Data) throws {
        let name = Data("archive/data.pkl".utf8)
        func number<Number: FixedWidthInteger>(_ value: Number) -> Data {
            withUnsafeBytes(of: value.littleEndian) { Data($0) }
        }
        let common =
            number(UInt16(20)) + number(UInt16(0)) + number(UInt16(0)) + number(UInt32(0))
            + number(crc(pickle)) + number(UInt32(pickle.count)) + number(UInt32(pickle.count))
            + number(UInt16(name.count)) + number(UInt16(0))
        let local = number(UInt32(0x0403_4b50)) + common + name + pickle
        let central =
            number(UInt32(0x0201_4b50)) + number(UInt16(20)) + common + number(UInt16(0))
            + number(UInt16(0)) + number(UInt16(0)) + number(UInt32(0)) + number(UInt32(0)) + name
        let end =
            number(UInt32(0x0605_4b50)) + number(UInt16(0)) + number(UInt16(0)) + number(UInt16(1))
            + number(UInt16(1)) + number(UInt32(central.count)) + number(UInt32(local.count))
            + number(UInt16(0))
        try (local + central + end).write(to: URL(filePath: file))
    }

    private func crc(_ data: Data) -> UInt32 {
        ~data.reduce(~UInt32(0)) { crc, byte in
            (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in
                value >> 1 ^ (value & 1 == 0 ? 0 : 0xedb8_8320)
            }
        }
    }

    @Test func badMediaAreRefusedBeforeAnyToken() throws {
        try withTemporaryFolder { folder in
            let session = Session(try MultimodalModel(TinyFolder.path))
            try Data("not a picture".utf8).write(to: URL(filePath: "\(folder)/text.jpg"))
            try writeWAV(Tensor.zeros([0]), to: "\(folder)/empty.wav", sampleRate: 16_000)
            try writeWAV(Tensor.zeros([800]), to: "\(folder)/sound.mp4", sampleRate: 16_000)
            let bad: [MediumFile] = [
                .image("\(folder)/text.jpg"), .audio("\(folder)/empty.wav"),
                .video("\(folder)/sound.mp4"), .image("\(folder)/absent.png"),
            ]
            for file in bad {
                #expect(throws: MediaError.self) {
                    _ = try session.respond(to: Request("What is this?", media: [file])) { event in
                        if case .text = event { Issue.record("text came first") }
                    }
                }
            }
            #expect(session.messages.isEmpty)
        }
    }

    @Test func aBiasForATokenThatIsNotThereIsRefused() throws {
        let model = try LanguageModel("\(TinyFolder.path)/pretrained_ckpt/vicuna_ckpt/tiny")
        var options = GenerationOptions()
        options.logitBias = [511: 1, 512: 1]
        let error = #expect(throws: ModelError.self) {
            try TextSession(model).respond(to: "Hello", options: options)
        }
        #expect(
            error?.description == "logit-bias is for token 512, expected token ids from 0 to 511.")
    }

    @Test func aPresetDoesNotOverwriteFiles() throws {
        try withTemporaryFolder { folder in
            try Data("mine".utf8).write(to: URL(filePath: "\(folder)/notes.txt"))
            #expect(throws: ModelError.occupied(folder: folder)) {
                try ModelPreset.tiny.write(to: folder, seed: 1)
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(left == ["notes.txt"])
        }
    }
}
