import Foundation
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct CheckpointConversionTests {
    private func convert(_ input: String, _ output: String, _ dtype: String? = nil) throws
        -> CheckpointConversion.Report
    {
        try CheckpointConversion(input: input, output: output, types: TypeChoice(dtype)).write()
    }

    /// A folder with a language model of two layers and a published kind of tokenizer.
    private func languageModel(_ folder: String, tokenizer: String) throws -> LLaMAConfig {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        var config = LLaMAConfig(
            vocabSize: 440, hiddenSize: 32, intermediateSize: 64, numHiddenLayers: 2,
            numAttentionHeads: 4, numKeyValueHeads: 2, maxPositionEmbeddings: 128,
            tieWordEmbeddings: true)
        config.bosTokenId = 420
        try ConfigFile.write(config, to: "\(folder)/config.json")
        let shapes = Weights.shapesOnly()
        _ = try LLaMA(config, from: shapes)
        try Safetensors.write(
            shapes.parameters.map { (name: $0.name, value: recipeWeight($0.name, $0.value.shape)) },
            to: "\(folder)/model.safetensors")
        try FileManager.default.copyItem(
            atPath: Fixture.path("tokenizer_json/\(tokenizer).json"),
            toPath: "\(folder)/tokenizer.json")
        return config
    }

    @Test(arguments: ["delta.pt", "delta.safetensors", "delta.gguf"])
    func keepsWhatADeltaSaysOfItself(name: String) throws {
        try withTemporaryFolder { folder in
            // What the adapters mean depends on the notes: an alpha that is not the rank, rows of
            // the base that were left alone.
            let notes = [
                "lora_alpha": "16", "changed_rows": "added", "token_map": "{\"[IMG0]\":7}",
                "hidden_layers": "{\"image\":[1]}",
            ]
            try Safetensors.write(
                [
                    (
                        name: "llama_model.model.layers.0.self_attn.q_proj.lora_A.weight",
                        value: Tensor([1, 2, 3, 4], [2, 2])
                    ),
                    (name: "llama_proj.weight", value: Tensor([1, 2], [1, 2])),
                ], metadata: notes, to: "\(folder)/source.safetensors")
            let source = try Delta("\(folder)/source.safetensors")
            #expect(source.adapter == LoRAConfig(rank: 2, alpha: 16))

            _ = try convert("\(folder)/source.safetensors", "\(folder)/\(name)")
            _ = try convert("\(folder)/\(name)", "\(folder)/again.safetensors", "float32")
            for copy in [name, "again.safetensors"] where !copy.hasSuffix("gguf") {
                let delta = try Delta("\(folder)/\(copy)")
                #expect(delta.notes == source.notes)
                #expect(delta.adapter == source.adapter && !delta.notes.movesBaseRows)
            }
        }
    }

    @Test(arguments: ["gguf", "safetensors", "pt"])
    func aLanguageModelsSizesThatAreWrongAreSaid(ending: String) throws {
        try withTemporaryFolder { folder in
            _ = try languageModel("\(folder)/llm", tokenizer: "llama3")
            try "{\"hidden_size\": 32}".write(
                toFile: "\(folder)/llm/config.json", atomically: true, encoding: .utf8)
            let output = "\(folder)/out.\(ending)"
            guard ending == "gguf" else {
                // The other formats hold tensors alone.
                #expect(try convert("\(folder)/llm", output).tensors == 20)
                return
            }
            let error = #expect(throws: ConfigError.self) { try convert("\(folder)/llm", output) }
            #expect(error?.description.contains("lacks the key") == true)
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }

    @Test func aGGUFFileOfOurArchitectureWithoutItsSizesIsRefused() throws {
        try withTemporaryFolder { folder in
            func write(_ architecture: String) throws {
                try GGUF.write(
                    [StoredTensor(name: "token_embd.weight", value: Tensor([1, 2], [1, 2]))],
                    metadata: [GGUF.Entry("general.architecture", .string(architecture))],
                    to: "\(folder)/a.gguf")
            }
            try write("llama")
            #expect(throws: ConfigError.self) {
                try convert("\(folder)/a.gguf", "\(folder)/a.safetensors")
            }
            // Types can be changed whatever the file holds.
            #expect(try convert("\(folder)/a.gguf", "\(folder)/b.gguf", "float16").tensors == 1)
            try write("bloom")
            let report = try convert("\(folder)/a.gguf", "\(folder)/a.safetensors")
            #expect(
                report.remarks == [
                    "\(folder)/a.gguf: the architecture 'bloom' is not known, so tensors keep the "
                        + "names that GGUF has for them."
                ])
        }
    }

    @Test(arguments: ["llama3", "qwen2", "gpt2"])
    func aTokenizerGoesIntoGGUFAndBack(name: String) throws {
        try withTemporaryFolder { folder in
            let config = try languageModel("\(folder)/llm", tokenizer: name)
            let into = try convert("\(folder)/llm", "\(folder)/model.gguf")
            #expect(into.remarks.isEmpty)
            try FileManager.default.createDirectory(
                atPath: "\(folder)/back", withIntermediateDirectories: true)
            let back = try convert("\(folder)/model.gguf", "\(folder)/back/model.safetensors")
            #expect(back.remarks.isEmpty)

            let files = try LLaMAFiles("\(folder)/back")
            #expect(files.config.hiddenSize == config.hiddenSize)
            let (first, second) = (
                try LLaMAFiles("\(folder)/llm").tokenizer(beside: "\(folder)/llm"),
                try files.tokenizer(beside: "\(folder)/back")
            )
            #expect(second.vocabularySize >= first.vocabularySize)
            #expect((first.beginID, second.endID) == (second.beginID, first.endID))
            for text in [
                "Hello world", "  it's 12345 ok\n\nx", "naïve 日本語 😀", "a<|eot_id|>b", "<|im_end|>",
            ] {
                #expect(second.encode(text) == first.encode(text), "\(text)")
                #expect(second.decode(first.encode(text)) == first.decode(first.encode(text)))
            }
        }
    }

    @Test func verifyRefusesATokenizerOfMoreTokensThanRows() throws {
        try withTemporaryFolder { folder in
            _ = try languageModel("\(folder)/llm", tokenizer: "qwen2")
            #expect(try verification(of: "\(folder)/llm").map(\.component) == ["llm", "tokenizer"])
            try FileManager.default.removeItem(atPath: "\(folder)/llm/tokenizer.json")
            for name in ["tokenizer.model", "tokenizer_config.json"] {
                try FileManager.default.copyItem(
                    atPath: "\(TinyFolder.path)/pretrained_ckpt/vicuna_ckpt/tiny/\(name)",
                    toPath: "\(folder)/llm/\(name)")
            }
            let error = #expect(throws: ModelError.self) { try verification(of: "\(folder)/llm") }
            #expect(
                error?.description
                    == "\(folder)/llm: has 440 rows of vocabulary, its tokenizer 512 tokens. "
                    + "Are both of the same release?")
        }
    }

    @Test func aPatternThatMatchesNothingIsSaid() throws {
        try withTemporaryFolder { folder in
            _ = try languageModel("\(folder)/llm", tokenizer: "qwen2")
            let report = try CheckpointConversion(
                input: "\(folder)/llm", output: "\(folder)/model.gguf",
                types: TypeChoice(
                    quantizing: "q8_0", choices: ["token_embd*=q4_0", "lm_head*=float16"])
            ).write()
            #expect(
                report.remarks == [
                    "--for 'lm_head*=…' changed nothing: no tensor of the new file has such a name. "
                        + "'inspect' lists them."
                ])
        }
    }

    /// It has a `config.json` too, which is not a language model's.
    @Test func anotherNetworksFolderBecomesGGUFUnderItsOwnNames() throws {
        try withTemporaryFolder { folder in
            let encoder = "\(TinyFolder.path)/pretrained_ckpt/stable-diffusion-tiny/text_encoder"
            let file = "\(folder)/encoder.gguf"
            _ = try convert(encoder, file)
            #expect(try CheckpointDifference(encoder, file, tolerance: 1e-6).isEqual)
        }
    }

    @Test func aTokenizerThatIsNotThereIsSaid() throws {
        try withTemporaryFolder { folder in
            _ = try languageModel("\(folder)/llm", tokenizer: "qwen2")
            try FileManager.default.removeItem(atPath: "\(folder)/llm/tokenizer.json")
            let report = try convert("\(folder)/llm", "\(folder)/model.gguf")
            #expect(
                report.remarks == [
                    "\(folder)/llm: no tokenizer lies there, so the file has none. Put "
                        + "tokenizer.model or tokenizer.json beside the weights and convert again."
                ])
            try FileManager.default.createDirectory(
                atPath: "\(folder)/back", withIntermediateDirectories: true)
            let back = try convert("\(folder)/model.gguf", "\(folder)/back/model.safetensors")
            #expect(back.remarks.count == 1)
            #expect(back.remarks.first?.contains("no tokenizer was written") == true)
        }
    }

    @Test func metasFilesBecomeThoseOfHuggingFaceAndGGUF() throws {
        try withTemporaryFolder { folder in
            let input = Fixture.path("meta_llama")
            let report = try convert(input, "\(folder)/model.safetensors")
            #expect(report.tensors == 21)
            // The fixture has none.
            #expect(report.remarks.first?.contains("no tokenizer was written") == true)
            let (meta, converted) = (try LLaMAFiles(input), try LLaMAFiles(folder))
            #expect(converted.config == meta.config)
            _ = try convert(input, "\(folder)/model.gguf")
            for tensor in meta.checkpoint.tensors {
                let expected = try tensor.tensor().floats()
                #expect(try converted.checkpoint[tensor.name]?.tensor().floats() == expected)
            }
            let difference = try CheckpointDifference(input, "\(folder)/model.gguf")
            #expect(difference.isEqual)
        }
    }

    @Test func saysHowFarItIsInEveryFormat() throws {
        try withTemporaryFolder { folder in
            _ = try languageModel("\(folder)/llm", tokenizer: "llama3")
            for ending in ["pt", "safetensors", "gguf"] {
                let conversion = try CheckpointConversion(
                    input: "\(folder)/llm", output: "\(folder)/out.\(ending)",
                    types: TypeChoice("float16"))
                var steps: [Int] = []
                let report = try conversion.write { done, _ in steps.append(done) }
                #expect(steps == Array(0..<report.tensors))
            }
        }
    }
}
