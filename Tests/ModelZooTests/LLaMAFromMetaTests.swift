import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Meta's own files: a part of each matrix in each.
@Suite struct LLaMAFromMetaTests {
    private let folder = Fixture.path("meta_llama")

    @Test func joinsThePartsAndTurnsTheRows() throws {
        let (files, fixture) = (try LLaMAFiles(folder), try Fixture("meta_llama"))
        #expect(files.config.vocabSize == 40 && files.config.intermediateSize == 24)
        #expect(files.config.keyValueHeads == 2 && files.config.epsilon == 1e-5)
        #expect(files.config.contextLength == 4096)
        // Under the names and in the layout of Hugging Face, nothing left over.
        #expect(files.checkpoint.tensors.count == 21)
        for tensor in files.checkpoint.tensors {
            let expected = recipeWeight(tensor.name, tensor.shape).cast(to: .bfloat16)
            #expect(try tensor.tensor().floats() == expected.floats(), "\(tensor.name)")
        }
        let network = try files.network()
        let prompt = fixture["ids"].integers()
        let (ids, _) = LLaMAVariantTests.greedy(network, prompt, count: 16)
        #expect(ids == fixture["greedy"].integers())
        let states = network.hiddenStates(
            network.embedTokens(Tensor(prompt.map { Int32($0) })), cache: network.newCache())
        let error = relativeError(
            network.logits(states), fixture["logits"], of: "LLaMA of Meta's files, logits",
            original: fixture.source)
        #expect(error <= 1e-4)
    }

    private func copied(_ body: (String) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let copy = "\(folder)/7B"
            try FileManager.default.copyItem(atPath: self.folder, toPath: copy)
            try body(copy)
        }
    }

    @Test func saysWhichPartIsMissing() throws {
        try copied { folder in
            try FileManager.default.removeItem(atPath: "\(folder)/consolidated.00.pth")
            #expect(
                throws: CheckpointError.unreadable(
                    file: "\(folder)/consolidated.00.pth",
                    reason: "it is missing, and consolidated.01.pth lies beside it")
            ) { try LLaMAFiles(folder) }
        }
        try copied { folder in
            try FileManager.default.removeItem(atPath: "\(folder)/consolidated.01.pth")
            // Half of each matrix: the network asks for the other half.
            #expect(throws: CheckpointError.self) { try LLaMAFiles(folder).network() }
        }
    }

    @Test func refusesAnglesWhoseNumbersItIsNotGiven() throws {
        try copied { folder in
            let file = "\(folder)/params.json"
            try "{\"dim\":16,\"n_layers\":2,\"n_heads\":4,\"use_scaled_rope\":true}".write(
                toFile: file, atomically: true, encoding: .utf8)
            let error = #expect(throws: ConfigError.self) { try LLaMAFiles(folder) }
            #expect(error?.description.hasPrefix("\(file): has use_scaled_rope") == true)
            try "{\"dim\":16,\"n_layers\":2,\"n_heads\":0}".write(
                toFile: file, atomically: true, encoding: .utf8)
            #expect(throws: ConfigError.self) { try LLaMAFiles(folder) }
        }
    }

    @Test func findsTheTokenizerAboveIt() throws {
        try copied { folder in
            let files = try LLaMAFiles(folder)
            #expect(throws: TokenizerError.self) { try files.tokenizer(beside: folder) }
            try FileManager.default.copyItem(
                atPath: Fixture.path("tokenizing/llama/tokenizer.model"),
                toPath: "\(folder)/../tokenizer.model")
            #expect(try files.tokenizer(beside: folder).encode("a").isEmpty == false)
        }
    }
}
