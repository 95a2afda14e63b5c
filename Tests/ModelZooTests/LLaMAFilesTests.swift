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
