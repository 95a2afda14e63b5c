import Foundation
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct MediumMakingTests {
    private func options() -> GenerationOptions {
        var options = GenerationOptions()
        (options.imageSteps, options.videoSteps, options.frames) = (2, 1, 4)
        options.seed = 7
        return options
    }

    @Test func aPromptGoesThroughTheDecodersOwnTextEncoder() throws {
        let model = try MultimodalModel(TinyFolder.path)
        let medium = try model.medium(.image, prompt: "a drum", options: options())
        var request = MediumRequest("a drum")
        request.options = options()
        let alone = try DecoderModel(model.folder.path(of: "decoder.image"))
        let expected = try alone.media(for: request)
        #expect(medium.caption == "a drum")
        #expect(medium.content.isClose(to: expected[0].content, absolute: 1e-6))
    }

    @Test func clipsAreShownAsFastAsTheOptionsSay() throws {
        let model = try MultimodalModel(TinyFolder.path)
        var options = options()
        #expect(try model.medium(.video, prompt: "a drum", options: options).framesPerSecond == 8)
        options.framesPerSecond = 4
        #expect(try model.medium(.video, prompt: "a drum", options: options).framesPerSecond == 4)
        var request = Request("Hello!", output: OutputChoice(text: false, media: [.video]))
        request.options = options
        #expect(try Session(model).respond(to: request).media.first?.framesPerSecond == 4)
        request.options.framesPerSecond = 0
        let error = #expect(throws: ModelError.self) { try Session(model).respond(to: request) }
        #expect(error?.description == "frames-per-second is 0, expected 1 to 240.")
    }

    @Test func aModelOfRandomWeightsFinishesNoSpanByItself() throws {
        let model = try MultimodalModel(TinyFolder.path)
        #expect(try !model.finishesSpan(of: .video, after: "Here it is.", to: "Make a clip."))
    }

    @Test func anEncoderAloneIsToldFromAModel() throws {
        #expect(!EmbeddingSpace.isAlone(at: TinyFolder.path))
        #expect(!EmbeddingSpace.isAlone(at: "/nowhere"))
        try withTemporaryFolder { folder in
            #expect(!EmbeddingSpace.isAlone(at: folder))
        }
    }
}
