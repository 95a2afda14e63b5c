import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// LLaMA with real weights: stories260K of llama2.c, which groups its heads and ties its head.
@Suite struct TrainedLLaMATests {
    private static let file = "stories260k/checkpoint_v1.bin"

    @Test(.enabled(if: TestData.has(file), "needs SOUTHGPT_TEST_DATA"))
    func tellsTheStoryThatLlama2CTells() throws {
        let network = try stories()
        let cache = network.newCache()
        var ids: [Int32] = [1]
        var first: [Float] = []
        while ids.count < Self.story.count {
            let states = network.hiddenStates(
                network.embedTokens(Tensor([ids[ids.count - 1]])), cache: cache)
            let logits = network.logits(states)
            if first.isEmpty { first = logits.floats() }
            ids.append(Int32(logits.argMax().integers()[0]))
        }
        #expect(ids == Self.story)
        let expected: [Float] = [
            -6.22292, 8.40434, -6.22374, -6.22254, -6.22195, -6.22288, -6.22188, -6.22342,
        ]
        #expect(zip(first, expected).allSatisfy { abs($0 - $1) <= 1e-3 })
        #expect(abs(first[403] - 17.0235) <= 1e-3)

        // The same tokens at once choose the same successors as one by one.
        let rows = network.embedTokens(Tensor(Array(ids.dropLast()))).unsqueezed(0)
        let successors = network.logits(network.hiddenStates(rows)).argMax().integers()
        #expect(successors == ids.dropFirst().map(Int.init))
    }

    /// What a numpy forward of the same weights chooses, always the likeliest.
    private static let story: [Int32] = [
        1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401,
        396, 267, 337, 410, 408, 419, 292, 411, 322, 265, 282, 295, 433, 426, 385, 328, 432, 358,
        394, 261, 370, 432,
    ]

    /// Reads version 1 of llama2.c's format: a header of 256 bytes, then the weights in order.
    private func stories() throws -> LLaMA {
        let data = try Data(contentsOf: URL(filePath: TestData.path(Self.file)))
        let header = data.withUnsafeBytes { bytes in
            (0..<9).map { Int(bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)) }
        }
        #expect(header[0] == 0x616B_3432 && header[1] == 1)
        var config = LLaMAConfig(
            vocabSize: header[7], hiddenSize: header[2], intermediateSize: header[3],
            numHiddenLayers: header[4], numAttentionHeads: header[5],
            numKeyValueHeads: header[6], maxPositionEmbeddings: header[8], rmsNormEps: 1e-5)
        config.tieWordEmbeddings = true

        let (depth, hidden, inner) = (header[4], header[2], header[3])
        let narrow = config.keyValueHeads * config.headSize
        var offset = 256
        func next(_ shape: Shape) -> Tensor {
            let size = 4 * shape.elementCount
            defer { offset += size }
            return data.subdata(in: offset..<(offset + size)).withUnsafeBytes {
                Tensor(copying: $0, .float32, shape)
            }
        }
        let layered: [(String, Shape)] = [
            ("self_attn.q_proj", [hidden, hidden]), ("self_attn.k_proj", [narrow, hidden]),
            ("self_attn.v_proj", [narrow, hidden]), ("self_attn.o_proj", [hidden, hidden]),
            ("mlp.gate_proj", [inner, hidden]), ("mlp.down_proj", [hidden, inner]),
            ("mlp.up_proj", [inner, hidden]),
        ]
        let (attentionNorms, mlpNorms) = (next([depth, hidden]), next([depth, hidden]))
        var tensors = [
            StoredTensor(name: "model.norm.weight", value: next([hidden])),
            StoredTensor(
                name: "model.embed_tokens.weight", value: next([config.vocabSize, hidden])),
        ]
        for (name, shape) in layered {
            let all = next([depth] + shape)
            let turned = name.hasSuffix("q_proj") || name.hasSuffix("k_proj")
            for layer in 0..<depth {
                let value = turned ? halfSplit(all[layer], config.headSize) : all[layer]
                tensors.append(
                    StoredTensor(name: "model.layers.\(layer).\(name).weight", value: value))
            }
        }
        for layer in 0..<depth {
            for (name, norms) in [
                ("input_layernorm", attentionNorms), ("post_attention_layernorm", mlpNorms),
            ] {
                tensors.append(
                    StoredTensor(
                        name: "model.layers.\(layer).\(name).weight", value: norms[layer]))
            }
        }
        #expect(offset == data.count)
        let weights = Weights(try Checkpoint(file: Self.file, tensors: tensors))
        let network = try LLaMA(config, from: weights)
        try weights.finish()
        return network
    }

    /// Rows in pairs (2i, 2i + 1), as Meta rotates them, to pairs (i, i + headSize / 2).
    private func halfSplit(_ weight: Tensor, _ headSize: Int) -> Tensor {
        let inputs = weight.shape[1]
        return weight.reshaped([-1, headSize / 2, 2, inputs]).transposed(1, 2)
            .reshaped([-1, inputs])
    }
}
