import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct CheckpointFolderTests {
    private func write(_ value: Float, _ name: String, to path: String) throws {
        try Safetensors.write([(name, Tensor([value]))], to: path)
    }

    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    @Test func prefersSafetensorsToBinAndAnIndexToAFile() throws {
        try withTemporaryFolder { folder in
            try PyTorchArchive.write([("x", Tensor([1.0]))], to: "\(folder)/pytorch_model.bin")
            #expect(try Checkpoint(folder: folder)["x"]?.tensor().floats() == [1])
            try write(2, "x", to: "\(folder)/model.safetensors")
            #expect(try Checkpoint(folder: folder)["x"]?.tensor().floats() == [2])
            try write(3, "x", to: "\(folder)/model-00001-of-00002.safetensors")
            try write(4, "y", to: "\(folder)/model-00002-of-00002.safetensors")
            try write(
                """
                {"weight_map": {"y": "model-00002-of-00002.safetensors",
                    "x": "model-00001-of-00002.safetensors"}}
                """, to: "\(folder)/model.safetensors.index.json")
            let sharded = try Checkpoint(folder: folder)
            #expect(sharded.tensors.map(\.name) == ["x", "y"])
            #expect(try sharded["y"]?.tensor().floats() == [4])
        }
    }

    @Test func opensAVariant() throws {
        try withTemporaryFolder { folder in
            try write(1, "x", to: "\(folder)/diffusion_pytorch_model.safetensors")
            try write(2, "x", to: "\(folder)/diffusion_pytorch_model.fp16.safetensors")
            #expect(try Checkpoint(folder: folder)["x"]?.tensor().floats() == [1])
            #expect(
                try Checkpoint(folder: folder, variant: "fp16")["x"]?.tensor().floats() == [2])
        }
    }

    @Test func saysWhatItLookedFor() throws {
        try withTemporaryFolder { folder in
            #expect(
                throws: CheckpointError.unreadable(
                    file: folder, reason: "it holds none of model.safetensors, model.bin")
            ) { try Checkpoint(folder: folder, stems: ["model"]) }
            #expect(
                throws: CheckpointError.unreadable(
                    file: "\(folder)/none", reason: "there is no such folder")
            ) { try Checkpoint(folder: "\(folder)/none") }
        }
    }

    @Test func namesTheShardThatIsMissing() throws {
        try withTemporaryFolder { folder in
            try write(
                #"{"weight_map": {"x": "b.safetensors"}}"#,
                to: "\(folder)/model.safetensors.index.json")
            let index = "model.safetensors.index.json"
            let error = CheckpointError.missingShard(
                file: "\(folder)/b.safetensors", index: index)
            #expect(throws: error) { try Checkpoint(folder: folder) }
            #expect(
                error.description == "\(folder)/b.safetensors: is missing, and \(index) names it. "
                    + "Download that file too, of the release that the index is of.")
        }
    }

    @Test func staysInItsFolder() throws {
        for name in ["../x.bin", "/etc/passwd", "a\\\\b", "..", ""] {
            try withTemporaryFolder { folder in
                let index = "\(folder)/model.safetensors.index.json"
                try write("{\"weight_map\": {\"x\": \"\(name)\"}}", to: index)
                #expect(
                    throws: CheckpointError.malformed(
                        file: index, rule: "'x' is placed in what is no file of this folder")
                ) { try Checkpoint(folder: folder) }
            }
        }
    }

    @Test func holdsTheIndexToItsWord() throws {
        try withTemporaryFolder { folder in
            try write(1, "x", to: "\(folder)/a.safetensors")
            let index = "\(folder)/model.safetensors.index.json"
            try write(#"{"weight_map": {"y": "a.safetensors"}}"#, to: index)
            #expect(
                throws: CheckpointError.malformed(
                    file: index, rule: "'y' is not in a.safetensors, where it should be")
            ) { try Checkpoint(folder: folder) }
        }
    }
}
