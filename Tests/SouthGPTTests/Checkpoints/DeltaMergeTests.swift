import Foundation
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct DeltaMergeTests {
    private func tensors(_ scale: Float, rows: Int) -> [(name: String, value: Tensor)] {
        func numbers(_ name: String, _ shape: Shape) -> (name: String, value: Tensor) {
            (name, (recipeInput(name, shape) * scale).cast(to: .float16))
        }
        return [
            numbers("model.embed_tokens.weight", [rows, 6]),
            numbers("model.layers.0.self_attn.q_proj.weight", [6, 6]),
            numbers("model.norm.weight", [6]), numbers("lm_head.weight", [rows, 6]),
        ]
    }

    private func make(_ folder: String, _ tensors: [(name: String, value: Tensor)]) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        try PyTorchArchive.writeShards(tensors, maxShardBytes: 150, folder: folder)
        try "{}".write(toFile: "\(folder)/config.json", atomically: true, encoding: .utf8)
    }

    @Test func addsTheDifferencesAndKeepsTheRowThatTheBaseLacks() throws {
        try withTemporaryFolder { folder in
            let (base, delta) = (tensors(1, rows: 5), tensors(0.125, rows: 6))
            try make("\(folder)/base", base)
            try make("\(folder)/delta", delta)
            let merge = try DeltaMerge(base: "\(folder)/base", delta: "\(folder)/delta")
            let report = try merge.write(to: "\(folder)/sum")
            #expect(report.tensors == 4)
            let sum = try Checkpoint(folder: "\(folder)/sum")
            for ((name, a), (_, b)) in zip(base, delta) {
                let found = try #require(sum[name]).tensor()
                #expect(found.dtype == .float16)
                let shared = a.shape[0]
                let expected = (a.cast(to: .float32) + b.sliced(0, 0..<shared).cast(to: .float32))
                    .cast(to: .float16)
                #expect(found.sliced(0, 0..<shared).isClose(to: expected, absolute: 0))
                if b.shape[0] > shared {
                    let rest = shared..<b.shape[0]
                    #expect(found.sliced(0, rest).isClose(to: b.sliced(0, rest), absolute: 0))
                }
            }
            #expect(FileManager.default.fileExists(atPath: "\(folder)/sum/config.json"))
            #expect(throws: ModelError.occupied(folder: "\(folder)/sum")) {
                try merge.write(to: "\(folder)/sum")
            }
        }
    }

    @Test func refusesWhatCannotBeAdded() throws {
        try withTemporaryFolder { folder in
            try make("\(folder)/base", tensors(1, rows: 5))
            try make("\(folder)/less", Array(tensors(0.125, rows: 5).dropLast()))
            try make("\(folder)/other", tensors(0.125, rows: 4))
            try make(
                "\(folder)/more", tensors(0.125, rows: 5) + [(name: "extra", value: Tensor([1]))])
            for delta in ["less", "other", "more"] {
                #expect(throws: CheckpointError.self) {
                    try DeltaMerge(base: "\(folder)/base", delta: "\(folder)/\(delta)")
                }
            }
        }
    }

    /// Twice the weights, or twice the differences, would be no model.
    @Test func refusesWeightsForDifferencesAndTheOtherWayRound() throws {
        func scaled(_ scale: Float) -> [(name: String, value: Tensor)] {
            [(name: "model.norm.weight", value: Tensor([scale, -scale, 1.5 * scale]))]
        }
        try withTemporaryFolder { folder in
            try make("\(folder)/weights", scaled(1))
            try make("\(folder)/differences", scaled(0.01))
            func error(_ base: String, _ delta: String) -> String {
                do {
                    _ = try DeltaMerge(base: "\(folder)/\(base)", delta: "\(folder)/\(delta)")
                    return ""
                } catch { return "\(error)".replacing("\(folder)/", with: "") }
            }
            #expect(error("weights", "differences") == "")
            #expect(
                error("weights", "weights")
                    == "weights/pytorch_model.bin: these are a model's weights, not "
                    + "Vicuna's differences from LLaMA, and need no merging. "
                    + "Give the delta's folder as --delta.")
            #expect(error("differences", "differences").contains("not its weights"))
        }
    }

    @Test func recognisesABareDelta() throws {
        try withTemporaryFolder { folder in
            let model = "\(folder)/tiny"
            try ModelPreset.tiny.write(to: model, seed: 3)
            let llm = try ModelFolder(model).path(of: "llm")
            #expect(try verification(of: model).contains { $0.component == "llm" })
            let parts = try verification(of: model, writingHashes: true)
            #expect(parts.allSatisfy { $0.state.hasSuffix("hash as written") })
            let small = try Checkpoint(folder: llm).tensors.map {
                (name: $0.name, value: try $0.tensor() * 0.01)
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: llm)
            where name.contains(".bin") {
                try FileManager.default.removeItem(atPath: "\(llm)/\(name)")
            }
            try PyTorchArchive.write(small, to: "\(llm)/pytorch_model.bin")
            #expect(throws: ModelError.bareDelta(file: "\(llm)/pytorch_model.bin")) {
                try verification(of: model)
            }
            #expect(
                "\(ModelError.bareDelta(file: "a.bin"))" == "a.bin: these are Vicuna's differences "
                    + "from LLaMA, not its weights. Add them to LLaMA: southgpt-checkpoint "
                    + "merge-delta --base LLAMA --delta THIS --output NEW")
        }
    }

    @Test func findsAPartThatWasChanged() throws {
        try withTemporaryFolder { folder in
            let model = "\(folder)/tiny"
            try ModelPreset.tiny.write(to: model, seed: 3)
            _ = try verification(of: model, writingHashes: true)
            let file = try ModelFolder(model).path(of: "decoder.image") + "/model_index.json"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            try (text + "\n").write(toFile: file, atomically: true, encoding: .utf8)
            let error = #expect(throws: ModelError.self) { try verification(of: model) }
            #expect(error?.description.contains("'decoder.image' has the hash") == true)
        }
    }
}
