import Foundation
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

/// The trained little model of llama2.c, in every form it can be given.
@Suite struct TextSessionTests {
    private static let file = "stories260k/checkpoint_v1.bin"
    private static let isThere = TestData.has("stories260k")
    private static let opening = """
        Once upon a time, there was a little girl named Lily. She loved to play outside in the \
        park. One day, she saw a big, red ball.
        """

    private func greedy(_ tokens: Int) -> GenerationOptions {
        var options = GenerationOptions()
        options.temperature = 0
        options.maxNewTokens = tokens
        return options
    }

    @Test(.enabled(if: isThere, "needs SOUTHGPT_TEST_DATA"))
    func tellsItsStoryInPiecesOfWholeCharacters() throws {
        let session = TextSession(try LanguageModel(TestData.path(Self.file)))
        #expect(session.template == .raw)
        var pieces: [String] = []
        let response = try session.respond(to: "Once upon a time", options: greedy(60)) {
            pieces.append($0)
        }
        #expect(pieces.count > 20)
        #expect(pieces.joined() == response.text)
        #expect(("Once upon a time" + response.text).hasPrefix(Self.opening))
        #expect(response.promptTokens == 5)
    }

    @Test(.enabled(if: isThere, "needs SOUTHGPT_TEST_DATA"))
    func saysTheSameWhetherOrNotItReadTheBeginningBefore() throws {
        let model = try LanguageModel(TestData.path(Self.file))
        let session = TextSession(model, template: .raw)
        let first = try session.respond(to: "Once upon a time", options: greedy(8)).text
        let second = try session.respond(to: " She", options: greedy(8)).text
        let fresh = TextSession(model, template: .raw)
        let again = try fresh.respond(
            to: "Once upon a time" + first + " She", options: greedy(8)
        ).text
        #expect(second == again)
        #expect(session.turns.count == 4)
    }

    @Test(.enabled(if: isThere, "needs SOUTHGPT_TEST_DATA"))
    func endsAtAStopAndForgetsFailedTurns() throws {
        let session = TextSession(try LanguageModel(TestData.path(Self.file)))
        var options = greedy(60)
        options.stops = ["Lily", "zzz"]
        let response = try session.respond(to: "Once upon a time", options: options)
        #expect(response.text == ", there was a little girl named ")
        options.temperature = -1
        #expect(throws: ModelError.self) { try session.respond(to: "a", options: options) }
        #expect(throws: ModelError.self) { try session.respond(to: "a", options: greedy(600)) }
        struct Enough: Error {}
        #expect(throws: Enough.self) {
            try session.respond(to: "a", options: greedy(10)) { _ in throw Enough() }
        }
        #expect(session.turns.count == 2)
    }

    @Test(
        .enabled(if: isThere, "needs SOUTHGPT_TEST_DATA"),
        arguments: ["model.gguf", "model.safetensors"])
    func tellsTheSameStoryFromOtherFormats(name: String) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/\(name)"
            let report = try CheckpointConversion(
                input: TestData.path(Self.file), output: path, types: TypeChoice()
            ).write()
            #expect(report.tensors == 47 && report.errors.isEmpty)
            // A safetensors file is opened by its folder, which got a config and needs the
            // tokenizer that only llama2.c has.
            guard name.hasSuffix("gguf") else {
                let files = try LLaMAFiles(folder)
                #expect(files.config.numHiddenLayers == 5 && files.config.isTied)
                #expect(files.checkpoint.tensors.count == 47)
                return
            }
            let session = TextSession(try LanguageModel(path), template: .raw)
            let text = try session.respond(to: "Once upon a time", options: greedy(60)).text
            #expect(("Once upon a time" + text).hasPrefix(Self.opening))
            let difference = try CheckpointDifference(TestData.path(Self.file), path)
            #expect(difference.isEqual && difference.equal == 47)
        }
    }

    @Test(.enabled(if: isThere, "needs SOUTHGPT_TEST_DATA"), arguments: ["q8_0", "q4_0", "q6_K"])
    func tellsAStoryFromBlocks(type: String) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/small.gguf"
            let report = try CheckpointConversion(
                input: TestData.path(Self.file), output: path,
                types: TypeChoice(quantizing: type, choices: ["token_embd*=float16"])
            ).write()
            // Rows of 64 numbers hold no block of 256: those become q8_0, and rows of 172 float16.
            let expected: [String: Float] = ["q8_0": 0.01, "q4_0": 0.12, "q6_K": 0.01]
            let bound = try #require(expected[type])
            #expect(report.errors.count == 36)
            for loss in report.errors where loss.dtype == type {
                #expect(loss.relativeError < bound && loss.relativeError > 0)
            }
            let file = try GGUF(contentsOf: path)
            #expect(file.checkpoint["token_embd.weight"]?.dtype == .float16)
            #expect(file.checkpoint["blk.0.attn_norm.weight"]?.dtype == .float32)
            #expect(
                file.checkpoint["blk.0.attn_q.weight"]?.dtype == (type == "q4_0" ? .q4_0 : .q8_0))
            #expect(file.checkpoint["blk.0.ffn_down.weight"]?.dtype == .float16)
            let session = TextSession(try LanguageModel(path), template: .raw)
            let text = try session.respond(to: "Once upon a time", options: greedy(20)).text
            #expect(text.hasPrefix(", there was a"))
        }
    }

    /// Prompts of unequal length, replies that end at different times.
    @Test(.enabled(if: isThere, "needs SOUTHGPT_TEST_DATA"), arguments: [0, 0.8])
    func answersSideBySideAsOneByOne(temperature: Float) throws {
        let model = try LanguageModel(TestData.path(Self.file))
        let prompts = [
            "Once upon a time", "", "Lily and her mom went to the park. They saw a big dog and",
            "The", "Once upon a time, there was a little girl named Lily. She loved to",
        ]
        var options = greedy(40)
        options.temperature = temperature
        (options.topP, options.stops) = (1, ["\n", "park"])
        var pieces = prompts.map { _ in "" }
        let together = try model.respond(toAll: prompts, options: options) { pieces[$0] += $1 }
        for (index, prompt) in prompts.enumerated() {
            let alone = try TextSession(model).respond(to: prompt, options: options)
            #expect(together[index].text == alone.text && pieces[index] == alone.text)
            #expect(together[index].promptTokens == alone.promptTokens)
            #expect(together[index].generatedTokens == alone.generatedTokens)
        }
        #expect(Set(together.map(\.generatedTokens)).count > 1)
        #expect(throws: ModelError.self) {
            try model.respond(toAll: ["a", String(repeating: "word ", count: 300)])
        }
        #expect(try model.respond(toAll: []).isEmpty)
    }

    @Test func saysWhatATypeMayBe() throws {
        #expect(
            throws: ModelError.invalidOption(
                name: "type", found: "q5_0", expected: "q8_0, q4_0, q4_K, q6_K")
        ) { try TypeChoice(quantizing: "q5_0") }
        #expect(throws: ModelError.self) { try TypeChoice(quantizing: "q8_0", choices: ["a"]) }
        #expect(throws: ModelError.self) { try TypeChoice("int8") }
    }
}
