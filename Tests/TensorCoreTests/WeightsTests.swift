import TensorCore
import TestSupport
import Testing

@Suite struct WeightsTests {
    private func checkpoint(_ tensors: [(String, Tensor)], file: String = "model.safetensors")
        throws -> Checkpoint
    {
        try Checkpoint(
            file: file, tensors: tensors.map { StoredTensor(name: $0, value: $1, file: file) })
    }

    private func text(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch { return "\(error)" }
    }

    private let pair = Tensor([1.0, 2])

    @Test func saysWhatIsMissing() throws {
        let weights = Weights(try checkpoint([("a.weight", pair)]))
        let found = text { _ = try weights["b"].parameter("weight", [2]) }
        #expect(
            found == "model.safetensors: 'b.weight' is missing, expected with shape [2]. "
                + "Is config.json of the same release?")
    }

    @Test func saysWhatHasAnotherShape() throws {
        let weights = Weights(try checkpoint([("a.weight", pair)]))
        let found = text { _ = try weights["a"].parameter("weight", [2, 2]) }
        #expect(
            found == "model.safetensors: 'a.weight' has shape [2], expected [2, 2]. "
                + "Is config.json of the same release?")
    }

    @Test func saysWhatIsLeftOver() throws {
        let names = ["a", "b", "c", "d", "e", "f"]
        let weights = Weights(try checkpoint(names.map { ($0, pair) }))
        _ = try weights.parameter("a", [2])
        let found = text { try weights.finish() }
        #expect(
            found == "model.safetensors: 5 tensors that the network does not have: 'b', 'c', 'd', "
                + "'e', …. Is config.json of the same release?")
        #expect(throws: Never.self) { try weights.finish(unused: ["b", "*"]) }
        #expect(
            throws: CheckpointError.unexpected(names: ["f"], file: "model.safetensors")
        ) { try weights.finish(unused: ["b", "c*", "*d", "e"]) }
    }

    @Test func takesNoIntegersForWeights() throws {
        let weights = Weights(try checkpoint([("a", Tensor([Int32(1)]))]))
        let found = text { _ = try weights.parameter("a", [1]) }
        #expect(
            found == "model.safetensors: 'a' holds int32, expected real numbers.")
    }

    @Test func acceptsTheShapesOfOtherReleases() throws {
        let weights = Weights(try checkpoint([("a", Tensor([1.0, 2, 3, 4], [2, 2]))]))
        let parameter = try weights.parameter("a", [2, 2, 1, 1], or: [[2, 2]])
        #expect(parameter.value.shape == [2, 2, 1, 1])
        #expect(parameter.value.floats() == [1, 2, 3, 4])
    }

    @Test func makesWeightsDenseOnce() throws {
        let turned = Tensor([1.0, 2, 3, 4, 5, 6], [2, 3]).transposed()
        let value = try Weights(try checkpoint([("a", turned)])).parameter("a", [3, 2]).value
        #expect(value.isDense && value.floats() == [1, 4, 2, 5, 3, 6])
    }

    @Test func prefersTheFirstCheckpoint() throws {
        let weights = Weights(
            try checkpoint([("a", pair)], file: "delta"),
            try checkpoint([("a", pair * 3), ("b", pair)], file: "base"))
        #expect(try weights.parameter("a", [2]).value.floats() == [1, 2])
        #expect(try weights.parameter("b", [2]).value.floats() == [1, 2])
        #expect(throws: Never.self) { try weights.finish() }
    }

    @Test func sharesAWeightThatIsAskedForTwice() throws {
        let weights = Weights(try checkpoint([("a", pair)]))
        let (first, second) = (try weights.parameter("a", [2]), try weights.parameter("a", [2]))
        #expect(first === second)
        first.replace(with: pair * 5)
        #expect(second.value.floats() == [5, 10])
        #expect(weights.parameters.count == 1)
    }

    @Test func drawsOnlyWhatItMay() throws {
        let weights = Weights(try checkpoint([("old.a", pair)]), drawing: ["new.*"], seed: 1)
        let drawn = try weights["new"].parameter("a", [2], initial: .ones)
        #expect(drawn.value.floats() == [1, 1])
        #expect(try weights["old"].parameter("a", [2], initial: .ones).value.floats() == [1, 2])
        #expect(throws: CheckpointError.self) { try weights["old"].parameter("b", [2]) }
        #expect(weights.parameters.map(\.name) == ["new.a", "old.a"])
        #expect(weights["new"].parameters.map(\.name) == ["new.a"])
    }

    @Test func drawsAsPyTorchDoes() throws {
        let linear = Weights.fresh(seed: 13)
        _ = try Linear(3, 2, from: linear)
        #expect(linear.parameters.map(\.name) == ["weight", "bias"])
        // torch 2.13: torch.manual_seed(13); torch.nn.Linear(3, 2)
        #expect(
            linear.parameters[0].value.floats() == [
                -0.4713291, -0.023809223, 0.35859373, -0.559906, -0.55967987, 0.11958915,
            ])
        #expect(linear.parameters[1].value.floats() == [-0.3096958, 0.4194916])
    }

    @Test func findsTheNameThatAReleaseUses() throws {
        let weights = Weights(try checkpoint([("query.weight", pair), ("v", pair)]))
        #expect(weights.firstPresent("to_q", "query").path == "query")
        #expect(weights.firstPresent("to_v", "v").path == "v")
        #expect(weights.firstPresent("to_k", "key").path == "to_k")
        #expect(weights["query"].contains("weight") && !weights.contains("weight"))
    }

    @Test func namesAdaptersAsTheirSaversDo() throws {
        let (a, b) = (Tensor([1.0, 2], [1, 2]), Tensor([3.0], [1, 1]))
        let weight = ("weight", Tensor([1.0, 1], [1, 2]))
        for middle in ["", "default."] {
            let weights = Weights(
                try checkpoint([
                    weight, ("lora_A.\(middle)weight", a), ("lora_B.\(middle)weight", b),
                ])
            ).adapted(LoRAConfig(rank: 1, alpha: 2), matching: ["*"])
            let linear = try Linear(2, 1, bias: false, from: weights)
            #expect(linear(Tensor([1.0, 1], [1, 2])).floats() == [2 + 2 * 9])
            #expect(throws: Never.self) { try weights.finish() }
        }
    }

    @Test(arguments: [
        ("a.b", "a.b", true), ("a.b", "a", false), ("a.b", "*", true), ("a.b", "a.*", true),
        ("a.b.c", "a.*.c", true), ("a.c", "a.*.c", false), ("model.layers.3.q", "*layers.*q", true),
        ("xab", "ab", false), ("aXbX", "a*X", true), ("a", "a*a", false), ("", "*", true),
    ]) func matchesPatterns(name: String, pattern: String, expected: Bool) {
        #expect(matches(name, pattern) == expected)
    }
}
