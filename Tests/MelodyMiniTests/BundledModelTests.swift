import MelodyMini
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

/// The trained model, as it comes with the package.
@Suite struct BundledModelTests {
    /// Another test of this process sets the variable, so that it is left out here.
    private let model: MultimodalModel

    init() throws { model = try MultimodalModel(melodyMini.folder(environment: [:])) }

    private func reply(_ prompt: String, _ media: [MediumFile] = []) throws -> Response {
        var request = Request(prompt, media: media)
        request.options.temperature = 0
        (request.options.imageSteps, request.options.audioSteps) = (2, 2)
        request.options.videoSteps = 2
        return try Session(model).respond(to: request)
    }

    @Test(arguments: [
        (
            "Draw a drum in the middle, blue ground.", [Modality.image],
            "a drum in the middle, blue ground"
        ),
        ("Play a slow rising melody on the flute.", [.audio], "a slow rising melody on the flute"),
        (
            "Make a clip of a banjo moving in a fast falling line, red ground.", [.video],
            "a banjo moving in a fast falling line, red ground"
        ),
        ("What is the capital of France?", [], "I cannot do that"),
    ])
    func makesWhatIsAskedForAndNamesIt(
        prompt: String, media: [Modality], words: String
    ) throws {
        let reply = try reply(prompt)
        #expect(reply.media.map(\.modality) == media)
        #expect(reply.text.contains(words), "\(reply.text)")
    }

    @Test func keepsToTheSizesOfItsWorld() throws {
        let media = try ["Draw a drum.", "Play the flute.", "Make a clip of a banjo."]
            .flatMap { try reply($0).media }
        try #require(media.map(\.modality) == [.image, .audio, .video])
        #expect(media.map(\.content.shape) == [[3, 64, 64], [32_000], [8, 3, 64, 64]])
        #expect(media[1].sampleRate == 16_000)
        #expect(media[2].framesPerSecond == 4)
    }

    @Test func seesWhatIsInItsPicturesWhenItDrawsThem() throws {
        try withTemporaryFolder { folder in
            var request = Request("Draw a drum in the middle, blue ground.")
            request.options.temperature = 0
            let picture = try #require(Session(model).respond(to: request).media.first)
            try picture.write(to: "\(folder)/drum.png")
            let seen = try reply("What do you see?", [.image("\(folder)/drum.png")])
            #expect(
                seen.text.contains("a drum") && seen.text.contains("blue ground"), "\(seen.text)")
        }
    }
}
