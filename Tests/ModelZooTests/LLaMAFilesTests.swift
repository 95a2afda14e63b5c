import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct LLaMAFilesTests {
    /// Variants that GGUF can store go there and back, and write the same text.
    @Test(arguments: ["llama", "vicuna-16k", "llama3", "yarn", "wide-heads", "qwen2", "qwen2-tied"])
    func goesThroughGGUFAndBack(variant: String) throws {
        let (network, weights) = try LLaMAVariantTests.network(variant)
        let config = try LLaMAVariantTests.config(variant)
        try withTemporaryFolder { folder in
            let path = "\(folder)/model.gguf"
            try GGUF.write(
                weights.forGGUF(config), metadata: config.ggufMetadata(name: variant), to: path)
            let again = try LLaMAFiles(path)
            #expect(again.checkpoint.tensors.count == weights.tensors.count)
            for tensor in weights.tensors {
                let other = try #require(again.checkpoint[tensor.name])
                #expect(try other.tensor().isClose(to: tensor.tensor(), absolute: 0))
            }
            let prompt = [5, 3, 60, 2]
            let expected = LLaMAVariantTests.greedy(network, prompt, count: 24)
            let found = LLaMAVariantTests.greedy(try again.network(), prompt, count: 24)
            #expect(found.ids == expected.ids)
            #expect(found.scores.isClose(to: expected.scores, absolute: 1e-4))
        }
    }

    /// Folders as transformers saves them: shards of two containers, configurations of this year.
    @Test(arguments: ["llama", "mistral", "qwen2"])
    func writesWhatTheFoldersOfTransformersWrite(name: String) throws {
        let fixture = try Fixture("saved_llama")
        let network = try LLaMAFiles(Fixture.path("saved_llama/\(name)")).network()
        let expected = fixture["\(name).ids"].integers()
        let (ids, scores) = LLaMAVariantTests.greedy(
            network, Array(expected.prefix(12)), count: 64)
        #expect(ids == expected)
        let error = relativeError(
            scores, fixture["\(name).scores"],
            of: "LLaMA \(name) as transformers saves it, 64 greedy tokens, scores",
            original: fixture.source)
        #expect(error <= 1e-4)
    }

    @Test(.enabled(if: TestData.has("stories260k"), "needs SOUTHGPT_TEST_DATA"))
    func opensLlama2CWithItsTokenizer() throws {
        let path = TestData.path("stories260k/checkpoint_legacy.bin")
        let files = try LLaMAFiles(path)
        let tokenizer = try files.tokenizer(beside: path)
        let prompt = [1] + tokenizer.encode("Once upon a time")
        #expect(prompt == [1, 403, 407, 261, 378])
        let (ids, _) = LLaMAVariantTests.greedy(try files.network(), [1], count: 100)
        let story = """
            Once upon a time, there was a little girl named Lily. She loved to play outside in the \
            park. One day, she saw a big, red ball. She wanted to play with it, but it was too \
            high.
            Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know w
            """
        #expect(tokenizer.text(of: ids).hasPrefix(story))
        var stream = TextStream(tokenizer)
        let streamed = ids.reduce(into: "") { $0 += stream.append($1) } + stream.finish()
        #expect(streamed == tokenizer.text(of: ids))
    }

    /// Metadata that lies about a model, and tensors of other shapes than it says.
    @Test func refusesSizesThatNoModelHas() throws {
        let (_, weights) = try LLaMAVariantTests.network("llama")
        let config = try LLaMAVariantTests.config("llama")
        try withTemporaryFolder { folder in
            let path = "\(folder)/m.gguf"
            func error(_ change: ([GGUF.Entry]) -> [GGUF.Entry]) throws -> String {
                try GGUF.write(
                    weights.forGGUF(config), metadata: change(config.ggufMetadata(name: "m")),
                    to: path)
                do {
                    _ = try LLaMAFiles(path)
                    return "no error"
                } catch { return "\(error)".replacing(folder, with: "") }
            }
            func setting(_ key: String, _ value: Int) throws -> String {
                try error { metadata in
                    metadata.filter {
                        $0.key != "llama.\(key)" && $0.key != "llama.rope.dimension_count"
                            && (key.hasSuffix("key_length") || !$0.key.hasSuffix("key_length"))
                    } + [GGUF.Entry("llama.\(key)", .uint32(value))]
                }
            }
            let mend = " Is the file whole, and of this release?"
            #expect(
                try setting("attention.head_count", 0)
                    == "/m.gguf: gives 'num_attention_heads' as 0, expected 1 to 1048576." + mend)
            #expect(
                try setting("attention.key_length", 0)
                    == "/m.gguf: gives 'head_dim' as 0, expected 1 to 1048576." + mend)
            #expect(
                try setting("attention.key_length", 7)
                    == "/m.gguf: gives 'head_dim' as 7, expected a positive multiple of 2." + mend)
            #expect(
                try setting("block_count", 5000)
                    == "/m.gguf: gives 'num_hidden_layers' as 5000, expected 1 to 1024." + mend)
            let sound = try error { $0 }
            #expect(sound == "no error")
        }
    }

    @Test func turnsOnlyRowsOfHeads() throws {
        let (_, weights) = try LLaMAVariantTests.network("llama")
        let config = try LLaMAVariantTests.config("llama")
        let name = "model.layers.0.self_attn.q_proj.weight"
        func replaced(_ shape: Shape, in tensors: [StoredTensor], _ name: String) throws
            -> [StoredTensor]
        {
            tensors.map { tensor in
                tensor.name == name
                    ? StoredTensor(name: name, value: Tensor.zeros(shape), file: "m") : tensor
            }
        }
        let size = config.headSize
        for shape in [[size, 2, 3], [size + 1, 4], [0, 4], [size, 0], []] {
            let other = try Checkpoint(
                file: "m", tensors: replaced(shape, in: weights.tensors, name))
            #expect(
                throws: CheckpointError.malformed(
                    file: "m",
                    rule: "'\(name)' is float32 of shape \(shape), expected heads of \(size) rows")
            ) { try other.forGGUF(config) }
            try withTemporaryFolder { folder in
                let path = "\(folder)/m.gguf"
                try GGUF.write(
                    replaced(shape, in: weights.forGGUF(config), "blk.0.attn_q.weight"),
                    metadata: config.ggufMetadata(name: "m"), to: path)
                let files = try LLaMAFiles(path)
                for tensor in files.checkpoint.tensors { _ = try tensor.tensor().floats() }
                #expect(throws: CheckpointError.self) { try files.network() }
            }
        }
        var broken = config
        broken.numAttentionHeads = 0
        #expect(throws: ConfigError.self) { try weights.forGGUF(broken) }
    }

    @Test func refusesMarksAndKindsThatNoTokenHas() throws {
        let tokens = ["<unk>", "<s>", "</s>", "a", "b", "ab"]
        func error(_ model: String, _ others: [(String, GGUFValue)]) throws -> String {
            try withTemporaryFolder { folder in
                let path = "\(folder)/t.gguf"
                try GGUF.write(
                    [StoredTensor(name: "t", value: Tensor([1]))],
                    metadata: [
                        GGUF.Entry("tokenizer.ggml.model", .string(model)),
                        GGUF.Entry("tokenizer.ggml.tokens", .array(GGUFArray(tokens))),
                        GGUF.Entry("tokenizer.ggml.merges", .array(GGUFArray(["a b"]))),
                        GGUF.Entry("tokenizer.ggml.add_bos_token", .bool(true)),
                        GGUF.Entry(
                            "tokenizer.ggml.scores",
                            .array(GGUFArray(tokens.indices.map { -Float($0) }))),
                    ] + others.map { GGUF.Entry("tokenizer.ggml.\($0.0)", $0.1) }, to: path)
                do {
                    _ = try GGUF(contentsOf: path).tokenizer()
                    return "no error"
                } catch { return "\(error)".replacing("\(folder)/", with: "") }
            }
        }
        func kinds(_ last: Float) -> (String, GGUFValue) {
            ("token_type", .array(GGUFArray([2, 3, 3, 1, 1, last] as [Float])))
        }
        func malformed(_ rule: String) -> String {
            "t.gguf: not a sound tokenizer file: \(rule). Was the download complete?"
        }
        for model in ["llama", "gpt2"] {
            #expect(try error(model, [kinds(1), ("bos_token_id", .uint32(1))]) == "no error")
            #expect(
                try error(model, [kinds(.nan)])
                    == malformed("token 5 is of type nan, expected 1 to 6"))
            #expect(
                try error(model, [kinds(1e30)]).contains("token 5 is of type"))
            for key in ["bos", "eos"] {
                #expect(
                    try error(model, [kinds(1), ("\(key)_token_id", .integer(6, .int64))])
                        == malformed("tokenizer.ggml.\(key)_token_id is 6, it has 6 tokens"))
                #expect(
                    try error(model, [kinds(1), ("\(key)_token_id", .integer(-1, .int32))])
                        == malformed("tokenizer.ggml.\(key)_token_id is -1, it has 6 tokens"))
            }
        }
    }

    /// Of 40 000 special tokens each is looked up among the others.
    @Test func opensManySpecialTokensInTime() throws {
        let marks = (0..<40_000).map { "<\($0)>" }
        try withTemporaryFolder { folder in
            let path = "\(folder)/t.gguf"
            let kinds = [2] + [Int32](repeating: 3, count: marks.count)
            try GGUF.write(
                [StoredTensor(name: "t", value: Tensor([1]))],
                metadata: [
                    GGUF.Entry("tokenizer.ggml.model", .string("llama")),
                    GGUF.Entry("tokenizer.ggml.tokens", .array(GGUFArray(["<unk>"] + marks))),
                    GGUF.Entry("tokenizer.ggml.token_type", .array(GGUFArray(kinds))),
                    GGUF.Entry(
                        "tokenizer.ggml.scores", .array(GGUFArray(kinds.map { -Float($0) }))),
                ], to: path)
            let start = ContinuousClock.now
            let tokenizer = try GGUF(contentsOf: path).tokenizer()
            #expect(tokenizer.encode("<39999><0>") == [40_000, 1])
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    /// A folder as Hugging Face has it, and what opening it says.
    private func message(
        _ keys: [String: Any], _ tensors: [(name: String, value: Tensor)]
    ) throws -> String {
        try withTemporaryFolder { folder in
            try JSONSerialization.data(withJSONObject: keys)
                .write(to: URL(filePath: "\(folder)/config.json"))
            try Safetensors.write(tensors, to: "\(folder)/model.safetensors")
            do {
                let files = try LLaMAFiles(folder)
                _ = try files.network()
                return files.remarks.joined().replacing("\(folder)/", with: "")
            } catch { return "\(error)".replacing("\(folder)/", with: "") }
        }
    }

    private var keys: [String: Any] {
        [
            "vocab_size": 20, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1,
            "num_attention_heads": 2,
        ]
    }

    private func tensors() throws -> [(name: String, value: Tensor)] {
        let shapes = Weights.shapesOnly()
        _ = try LLaMA(
            LLaMAConfig(
                vocabSize: 20, hiddenSize: 16, intermediateSize: 24, numHiddenLayers: 1,
                numAttentionHeads: 2), from: shapes)
        return shapes.parameters.map { ($0.name, recipeWeight($0.name, $0.value.shape)) }
    }

    @Test func saysWhatAnotherNetworksFilesAre() throws {
        let mend = "expected llama or mistral or qwen2. Give the folder of such a model."
        #expect(
            try message(["_class_name": "UNet2DConditionModel", "in_channels": 4], tensors())
                == "config.json: describes a network of the kind 'UNet2DConditionModel', " + mend)
        #expect(
            try message(["model_type": "bert", "vocab_size": 20], tensors())
                == "config.json: describes a network of the kind 'bert', " + mend)
        #expect(
            try message(keys, [("conv_in.weight", Tensor([1]))])
                == "model.safetensors: holds another network's weights, such as 'conv_in.weight', "
                + "expected 'model.embed_tokens.weight' of a language model. "
                + "Give the files of such a model.")
    }

    @Test func namesAMissingKeyAsTheFileWouldHaveIt() throws {
        #expect(
            try message(keys.filter { $0.key != "num_hidden_layers" }, tensors())
                == "config.json: lacks the key 'num_hidden_layers'. Is the file whole, and of this "
                + "release?")
    }

    /// The shapes of matrices are the same for any number of heads.
    @Test func knowsAWrongNumberOfHeadsByTheTableOfAngles() throws {
        let name = "model.layers.0.self_attn.rotary_emb.inv_freq"
        let all = try tensors() + [(name, Tensor([1, 0.1, 0.01, 0.001]))]
        #expect(try message(keys, all) == "")
        #expect(
            try message(keys.merging(["num_attention_heads": 4]) { $1 }, all)
                == "model.safetensors: '\(name)' has shape [4], expected [2]. "
                + "Is config.json of the same release?")
    }

    @Test func saysWhereTheVocabularyIsOfAnotherSize() throws {
        #expect(
            try message(keys.merging(["vocab_size": 32]) { $1 }, tensors())
                == "config.json: 'vocab_size' is 32, the weights have 20 rows of vocabulary, and "
                + "these count. Are both of the same release?")
        let short = try tensors().map {
            $0.name == "lm_head.weight" ? ($0.name, $0.value[0..<19].dense()) : $0
        }
        #expect(
            try message(keys, short)
                == "model.safetensors: 'lm_head.weight' has shape [19, 16], expected [20, 16]. "
                + "Is config.json of the same release?")
    }

    @Test func saysWhichFilesATokenizerMayBeIn() throws {
        try withTemporaryFolder { folder in
            try JSONSerialization.data(withJSONObject: keys)
                .write(to: URL(filePath: "\(folder)/config.json"))
            try Safetensors.write(tensors(), to: "\(folder)/model.safetensors")
            let files = try LLaMAFiles(folder)
            let error = #expect(throws: TokenizerError.absent(folder: folder)) {
                try files.tokenizer(beside: folder)
            }
            #expect(
                error?.description
                    == "\(folder): has no tokenizer, expected tokenizer.json or tokenizer.model. "
                    + "Put that of the weights' release there.")
        }
    }

    @Test func saysWhichSizesAreMissing() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.gguf"
            func error(_ metadata: [GGUF.Entry], _ tensors: [StoredTensor]) throws -> String {
                try GGUF.write(tensors, metadata: metadata, to: path)
                do {
                    _ = try LLaMAFiles(path)
                    return "no error"
                } catch { return "\(error)".replacing(folder, with: "") }
            }
            let table = StoredTensor(name: "token_embd.weight", value: Tensor([1, 2], [1, 2]))
            let mend = " Is the file whole, and of this release?"
            #expect(
                try error([GGUF.Entry("general.architecture", .string("bloom"))], [table])
                    == "/a.gguf: is of the architecture 'bloom', expected llama or qwen2." + mend)
            #expect(
                try error([GGUF.Entry("general.architecture", .string("llama"))], [table])
                    == "/a.gguf: lacks the key 'llama.embedding_length'." + mend)
            try Safetensors.write([(name: "a", value: Tensor([1]))], to: "\(folder)/b.safetensors")
            #expect(throws: CheckpointError.self) { try LLaMAFiles("\(folder)/b.safetensors") }
        }
    }
}
