import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct LLaMATests {
    private static let devices = [Device.reference, .cpu]
    private static let families = ["llama", "llama_qwen2", "llama_mistral"]

    /// LLaMA's weights are those that its fixture rounded to `bfloat16`, kept in that type.
    private func network(_ family: String, on device: Device) throws -> (LLaMA, Fixture) {
        let fixture = try Fixture(family)
        var checkpoint = try fixture.weights
        if family == "llama" {
            checkpoint = try Checkpoint(
                file: checkpoint.file,
                tensors: checkpoint.tensors.map {
                    StoredTensor(
                        name: $0.name,
                        value: try $0.tensor().on(.reference).cast(to: .bfloat16))
                })
        }
        let weights = Weights(checkpoint, device: device)
        let config: LLaMAConfig = try fixture.config()
        let network = try LLaMA(config, from: weights)
        try weights.finish(unused: LLaMA.unusedTensors(config))
        return (network, fixture)
    }

    private func input(_ key: String, _ shape: Shape, on device: Device) -> Tensor {
        recipeInput("llama.\(key)", shape).on(device)
    }

    @Test(arguments: devices, families)
    func hasTheOriginalsHiddenStatesAndLogits(device: Device, family: String) throws {
        let (network, fixture) = try network(family, on: device)
        let x = input("batch", [2, 7, 32], on: device)
        let states = network.hiddenStates(x, layers: [0, 1, 2, 3])
        for (layer, state) in states.enumerated() {
            let error = relativeError(
                state, fixture["batch.states.\(layer)"],
                of: "\(family), hidden states \(layer), \(device)", original: fixture.source)
            #expect(error <= 1e-4)
        }
        let error = relativeError(
            network.logits(network.hiddenStates(x)), fixture["batch.logits"],
            of: "\(family), logits, \(device)", original: fixture.source)
        #expect(error <= 1e-4)
    }

    @Test(arguments: devices, families)
    func takesSequencesOfDifferentLengthTogether(device: Device, family: String) throws {
        let (network, fixture) = try network(family, on: device)
        let chunks = [("first", 5), ("second", 9)].map { key, time in
            (
                embeddings: input(key, [1, time, 32], on: device).squeezed(0),
                cache: network.newCache()
            )
        }
        let states = network.hiddenStates(chunks, layers: [2, -1])
        for (key, found) in zip(["first", "second"], states) {
            for (name, state) in zip(["2", "3"], found) {
                let error = relativeError(
                    state.unsqueezed(0), fixture["\(key).states.\(name)"],
                    of: "\(family), ragged batch, \(device)", original: fixture.source)
                #expect(error <= 1e-4)
            }
        }
    }

    @Test(arguments: devices, families)
    func continuesFromItsCacheAsFromTheStart(device: Device, family: String) throws {
        let (network, fixture) = try network(family, on: device)
        let caches = [network.newCache(), network.newCache()]
        let inputs = [
            input("first", [1, 5, 32], on: device), input("second", [1, 9, 32], on: device),
        ].map { $0.squeezed(0) }
        // The first sequence is fed in steps of 3, 1, 1; the second in steps of 1, 4, 4.
        let steps = [[0, 3, 4, 5], [0, 1, 5, 9]]
        var parts: [[Tensor]] = [[], []]
        for step in 0..<3 {
            let chunks = [0, 1].map { index in
                let rows = steps[index][step]..<steps[index][step + 1]
                return (embeddings: inputs[index][rows], cache: caches[index])
            }
            for (index, states) in network.hiddenStates(chunks).enumerated() {
                parts[index].append(states)
            }
        }
        #expect(caches.map(\.length) == [5, 9])
        for (index, key) in ["first", "second"].enumerated() {
            let logits = network.logits(Tensor.concatenate(parts[index], axis: 0))
            let error = relativeError(
                logits.unsqueezed(0), fixture["\(key).logits"],
                of: "\(family), step by step, \(device)", original: fixture.source)
            #expect(error <= 1e-4)
        }
    }

    @Test func goesBackToAnEarlierPointOfASequence() throws {
        let (network, fixture) = try network("llama", on: .cpu)
        let x = input("second", [1, 9, 32], on: .cpu).squeezed(0)
        let cache = network.newCache()
        _ = network.hiddenStates(x, cache: cache)
        cache.truncate(to: 6)
        let again = network.hiddenStates(x[6..<9], cache: cache)
        #expect(cache.length == 9)
        #expect(again.isClose(to: fixture["second.states.3"][0][6..<9], absolute: 1e-3))
    }

    @Test func looksUpTheRowsOfTokens() throws {
        let (network, _) = try network("llama", on: .cpu)
        let rows = network.embedTokens(Tensor([3, 1, 3] as [Int32]))
        #expect(rows.shape == [3, 32])
        #expect(rows[0].isClose(to: rows[2], absolute: 0))
        #expect(rows[1].isClose(to: network.embedTokens.weight.value[1].real, absolute: 0))
    }

    @Test func hasThePublishedNumberOfParameters() throws {
        let vicuna = LLaMAConfig(
            vocabSize: 32_000, hiddenSize: 4096, intermediateSize: 11_008, numHiddenLayers: 32,
            numAttentionHeads: 32)
        let weights = try blank(published(vicuna))
        _ = try LLaMA(vicuna, from: weights)
        try weights.finish(unused: LLaMA.unusedTensors(vicuna))
        #expect(parameterCount(weights) == 6_738_415_616)

        let mistral = try decode(
            """
            {"model_type": "mistral", "vocab_size": 32000, "hidden_size": 4096,
             "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
             "num_key_value_heads": 8, "sliding_window": 4096}
            """)
        let grouped = try blank(published(mistral))
        _ = try LLaMA(mistral, from: grouped)
        #expect(parameterCount(grouped) == 7_241_732_096)
    }

    private func published(_ config: LLaMAConfig) -> [(String, Shape)] {
        let (hidden, inner) = (config.hiddenSize, config.intermediateSize)
        let narrow = config.keyValueHeads * config.headSize
        var tensors: [(String, Shape)] = [
            ("model.embed_tokens.weight", [config.vocabSize, hidden]),
            ("model.norm.weight", [hidden]), ("lm_head.weight", [config.vocabSize, hidden]),
        ]
        for index in 0..<config.numHiddenLayers {
            let layer = "model.layers.\(index)."
            tensors += [
                (layer + "input_layernorm.weight", [hidden]),
                (layer + "post_attention_layernorm.weight", [hidden]),
                (layer + "self_attn.q_proj.weight", [hidden, hidden]),
                (layer + "self_attn.k_proj.weight", [narrow, hidden]),
                (layer + "self_attn.v_proj.weight", [narrow, hidden]),
                (layer + "self_attn.o_proj.weight", [hidden, hidden]),
                (layer + "self_attn.rotary_emb.inv_freq", [64]),
                (layer + "mlp.gate_proj.weight", [inner, hidden]),
                (layer + "mlp.up_proj.weight", [inner, hidden]),
                (layer + "mlp.down_proj.weight", [hidden, inner]),
            ]
        }
        return tensors
    }

    @Test func readsOneEndTokenOrSeveral() throws {
        let sizes = """
            "vocab_size": 8, "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1,
            "num_attention_heads": 2
            """
        #expect(try decode("{\(sizes)}").endTokens == [2])
        #expect(try decode("{\(sizes), \"eos_token_id\": 7}").endTokens == [7])
        #expect(try decode("{\(sizes), \"eos_token_id\": [7, 5]}").endTokens == [7, 5])
        let plain = try decode("{\(sizes), \"rope_scaling\": null}")
        #expect(plain.contextLength == 2048)
        #expect(plain.rotaryBase == 10_000)
        #expect(plain.epsilon == 1e-6)
    }

    @Test(arguments: [
        ("\"rope_scaling\": {\"rope_type\": \"spiral\"}", "'rope_scaling' is spiral"),
        ("\"model_type\": \"qwen3\"", "'model_type' is qwen3"),
        ("\"num_key_value_heads\": 3", "'num_attention_heads' is 4"),
        ("\"num_key_value_heads\": 0", "'num_key_value_heads' is 0"),
        ("\"max_position_embeddings\": -1", "'max_position_embeddings' is -1"),
    ])
    func refusesWhatItDoesNotCompute(key: String, text: String) throws {
        let config = try decode(
            """
            {"vocab_size": 8, "hidden_size": 8, "intermediate_size": 4, "num_hidden_layers": 1,
             "num_attention_heads": 4, \(key)}
            """)
        let error = #expect(throws: ConfigError.self) {
            _ = try LLaMA(config, from: .fresh(seed: 1))
        }
        #expect(error.map { "\($0)".contains(text) } ?? false)
    }

    private func decode(_ json: String) throws -> LLaMAConfig {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(LLaMAConfig.self, from: Data(json.utf8))
    }
}
