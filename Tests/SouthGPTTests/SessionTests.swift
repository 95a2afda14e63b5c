import Dialogue
import Diffusion
import Foundation
import MediaIO
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct SessionTests {
    /// A picture, a sound and a clip, made on the spot.
    private func media(in folder: String) throws -> [MediumFile] {
        let picture = recipeInput("picture", [3, 48, 64], scale: 1) + 0.5
        let sound = recipeInput("sound", [24_000], scale: 0.5)
        let clip = recipeInput("clip", [12, 3, 48, 64], scale: 1) + 0.5
        try writePNG(picture, to: "\(folder)/in.png")
        try writeWAV(sound, to: "\(folder)/in.wav", sampleRate: 16_000)
        try writeMP4(clip, to: "\(folder)/in.mp4", framesPerSecond: 8)
        return [.image("\(folder)/in.png"), .audio("\(folder)/in.wav"), .video("\(folder)/in.mp4")]
    }

    private var brief: GenerationOptions {
        var options = GenerationOptions()
        options.maxNewTokens = 6
        (options.imageSteps, options.audioSteps, options.videoSteps) = (2, 2, 2)
        options.audioSeconds = 0.25
        options.frames = 2
        return options
    }

    private let everything = OutputChoice(media: [.image, .audio, .video])

    @Test func oneRequestRunsThroughTheWholeSystem() throws {
        try withTemporaryFolder { folder in
            let session = Session(try MultimodalModel(TinyFolder.path))
            var order: [String] = []
            let response = try session.respond(
                to: Request(
                    "What is this?", media: media(in: folder), output: everything, options: brief)
            ) { event in
                switch event {
                case .text: order.append("text")
                case .medium(let medium): order.append(medium.modality.rawValue)
                case .progress(let progress): #expect(progress.completed <= progress.total)
                }
            }
            #expect(order.suffix(3) == ["image", "audio", "video"])
            #expect(response.media.map(\.modality) == [.image, .audio, .video])
            #expect(response.media[0].content.shape == [3, 64, 64])
            #expect(response.media[1].content.shape == [4000])
            #expect(response.media[2].content.shape == [2, 3, 64, 64])
            for medium in response.media {
                let finite = medium.content.floats().allSatisfy(\.isFinite)
                #expect(finite)
                let file = "\(folder)/out.\(medium.fileExtension)"
                try medium.write(to: file)
                #expect(FileManager.default.fileExists(atPath: file))
            }
            // Every signal token counts, and no text is made of them.
            #expect(response.generatedTokens >= 4 + 8 + 24)
            #expect(!response.text.contains("[IMG0]"))
        }
    }

    @Test func theSameSeedGivesTheSameReplyAndAnotherDoesNot() throws {
        func reply(_ seed: UInt64) throws -> Response {
            var options = brief
            options.seed = seed
            return try Session(MultimodalModel(TinyFolder.path)).respond(
                to: Request("Play.", output: everything, options: options))
        }
        let (a, b, c) = (try reply(3), try reply(3), try reply(4))
        #expect(a.text == b.text)
        for (first, second) in zip(a.media, b.media) {
            #expect(first.content.floats() == second.content.floats())
        }
        #expect(a.media[0].content.floats() != c.media[0].content.floats())
    }

    @Test func whatWasMadeIsContextOfTheNextTurn() throws {
        let session = Session(try MultimodalModel(TinyFolder.path))
        _ = try session.respond(
            to: Request(
                "Draw.", output: OutputChoice(media: [.image]), options: brief))
        _ = try session.respond(
            to: Request("And now?", output: OutputChoice(media: []), options: brief))
        let roles = session.messages.map(\.role)
        #expect(roles == [.human, .assistant, .human, .assistant])
        let made = session.messages[1].parts.filter { part in
            if case .medium(.image, _) = part { true } else { false }
        }
        #expect(made.count == 1)
    }

    @Test func aTurnAfterAKeptPrefixEqualsOneReadAnew() throws {
        let first = Request("Draw.", output: OutputChoice(media: [.image]), options: brief)
        let second = Request("And now?", output: OutputChoice(media: [.audio]), options: brief)
        func replies(forgetting: Bool) throws -> Response {
            let session = Session(try MultimodalModel(TinyFolder.path))
            _ = try session.respond(to: first)
            if forgetting { session.forgetCache() }
            return try session.respond(to: second)
        }
        let (kept, anew) = (try replies(forgetting: false), try replies(forgetting: true))
        #expect(kept.text == anew.text)
        #expect(kept.promptTokens == anew.promptTokens)
        let error = relativeError(
            kept.media[0].content, anew.media[0].content, of: "Session, second turn",
            original: "the same dialogue read anew")
        #expect(error < 1e-3)
    }

    @Test func aStoppedReplyLeavesTheConversationAsItWas() throws {
        let session = Session(try MultimodalModel(TinyFolder.path))
        var steps = 0
        #expect(throws: CancellationError.self) {
            _ = try session.respond(
                to: Request("Draw.", output: OutputChoice(media: [.image]), options: brief)
            ) { event in
                if case .progress(let progress) = event, progress.job == .making(.image) {
                    steps += 1
                    throw CancellationError()
                }
            }
        }
        #expect(steps == 1)
        #expect(session.messages.isEmpty)
        let response = try session.respond(
            to: Request("Draw.", output: OutputChoice(media: []), options: brief))
        #expect(response.media.isEmpty)
    }

    @Test func eventsStreamInOrderAndEnd() async throws {
        let session = Session(try MultimodalModel(TinyFolder.path))
        var media: [Modality] = []
        let request = Request(
            "Sing.", output: OutputChoice(media: [.audio]), options: brief)
        for try await event in session.events(for: request) {
            if case .medium(let medium) = event { media.append(medium.modality) }
        }
        #expect(media == [.audio])
        #expect(session.messages.count == 2)
    }

    @Test func anImageTooLargeForTheMemoryIsRefusedBeforeAnyToken() throws {
        let memory = MemoryBudget(limit: 1 << 30)
        let session = Session(try MultimodalModel(TinyFolder.path, memory: memory))
        var options = brief
        (options.height, options.width) = (4096, 4096)
        do {
            _ = try session.respond(
                to: Request("Draw.", output: OutputChoice(media: [.image]), options: options)
            ) { _ in Issue.record("something was computed") }
            Issue.record("the request was taken")
        } catch let error as MemoryError {
            #expect("\(error)".contains("Making a medium (image): needs "))
            #expect("\(error)".contains("allowed are 1024 MiB"))
        }
        #expect(session.messages.isEmpty)
    }

    @Test func aPromptLongerThanTheContextIsRefusedBeforeAnyToken() throws {
        let session = Session(try MultimodalModel(TinyFolder.path))
        let long = String(repeating: "melody ", count: 800)
        do {
            _ = try session.respond(to: Request(long, options: brief))
            Issue.record("the prompt was taken")
        } catch let error as ModelError {
            guard case .promptTooLong(let tokens, _, context: 512) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(tokens > 512)
        }
        #expect(session.messages.isEmpty)
    }

    @Test func settingsOutsideTheirRangeAreRefused() throws {
        let session = Session(try MultimodalModel(TinyFolder.path))
        var options = brief
        options.topP = 0
        #expect(throws: ModelError.self) {
            _ = try session.respond(to: Request("Hello", options: options))
        }
        var stepless = brief
        stepless.imageSteps = 0
        #expect(throws: SchedulerError.steps(found: 0, most: 1000)) {
            _ = try session.respond(to: Request("Hello", options: stepless)) { event in
                if case .text = event { Issue.record("text came first") }
            }
        }
        #expect(throws: ModelError.emptyRequest) { _ = try session.respond(to: Request("")) }
    }
}
