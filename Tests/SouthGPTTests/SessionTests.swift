import Dialogue
import Diffusion
import Foundation
import MediaIO
import ModelTestSupport
import ModelZoo
import SouthGPT
import Synchronization
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

    @Test func whatAStopCutOffIsNoPartOfTheDialogue() throws {
        let model = try MultimodalModel(TinyFolder.path)
        var options = brief
        (options.maxNewTokens, options.temperature) = (24, 0)
        func ask(_ prompt: String) -> Request {
            Request(prompt, output: OutputChoice(media: []), options: options)
        }
        let whole = try Session(model).respond(to: ask("Tell me more.")).text
        try #require(whole.count > 12)
        let stop = String(whole.dropFirst(6).prefix(3))
        let end = try #require(whole.firstRange(of: stop)?.lowerBound)
        options.stops = ["absent", stop]
        let session = Session(model)
        #expect(try session.respond(to: ask("Tell me more.")).text == String(whole[..<end]))
        options.stops = nil
        let next = try session.respond(to: ask("And?")).text
        let turns = [
            Turn(.human, [.text("Tell me more.")]),
            Turn(.assistant, [.text(String(whole[..<end]))]),
        ]
        #expect(try Session(model).respond(to: ask("And?"), after: turns).text == next)
    }

    /// Where the budget has no room for a decoder's weights and a run of another, or the encoder's.
    @Test func decodersThatNobodyUsesMakeRoomAndAreOpenedAgain() throws {
        try withTemporaryFolder { folder in
            let memory = MemoryBudget(limit: 1 << 30)
            let model = try MultimodalModel(TinyFolder.path, memory: memory)
            func made(_ modality: Modality) throws -> (content: [Float], open: [String]) {
                let response = try Session(model).respond(
                    to: Request(
                        "Go.", output: OutputChoice(text: false, media: [modality]), options: brief)
                )
                return (
                    response.media[0].content.floats(),
                    response.explanation.filter { $0.hasPrefix("loaded") }
                )
            }
            let before = memory.free
            let picture = try made(.image)
            #expect(picture.open == ["loaded: decoder of image"])
            let weights = before - memory.free
            #expect(weights > 0)
            let sound = try made(.audio)
            #expect(sound.open == ["loaded: decoder of image", "loaded: decoder of audio"])
            // Others take all but what the decoder of sounds needs to run.
            let run = try MediaDecoder(folder: model.folder.path(of: "decoder.audio"))
                .bytesNeeded(for: brief.audioOptions)
            let others = memory.free - run + 1
            try memory.reserve(others, for: "others", mapped: true)
            let again = try made(.audio)
            #expect(again.open == ["loaded: decoder of audio"])
            #expect(again.content == sound.content)
            memory.release(others)
            #expect(try made(.image).content == picture.content)
            // A clip that is to be read makes room too.
            let input = try media(in: folder)[2]
            let rest = memory.free
            try memory.reserve(rest, for: "others", mapped: true)
            _ = try model.embeddings(of: [.medium(input)])
            memory.release(rest)
            #expect(memory.free == before)
        }
    }

    @Test func aReplyThatWaitsToMakeItsMediumCanBeEnded() throws {
        let model = try MultimodalModel(TinyFolder.path)
        let request = Request(
            "Draw.", output: OutputChoice(text: false, media: [.image]), options: brief)
        let (making, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let threads = DispatchGroup()
        DispatchQueue(label: "first").async(group: threads) {
            _ = try? Session(model).respond(to: request) { event in
                guard case .progress(let step) = event, step.job == .making(.image) else { return }
                making.signal()
                done.wait()
                throw CancellationError()
            }
        }
        making.wait()
        // The second has read and written all that comes before its picture; nobody listens then.
        let told = Mutex(0)
        let ended = DispatchSemaphore(value: 0)
        DispatchQueue(label: "second").async(group: threads) {
            #expect(throws: CancellationError.self) {
                try Session(model).respond(to: request) { event in
                    guard case .progress(let step) = event, step.completed > 0 else { return }
                    #expect(step.job == .thinking)
                    let signals = model.layout.signalTokens.count(of: .image)
                    let count = told.withLock { told in
                        told += 1
                        return told
                    }
                    if count > signals { throw CancellationError() }
                }
            }
            ended.signal()
        }
        #expect(ended.wait(timeout: .now() + 20) == .success, "it waits for the other's picture")
        done.signal()
        threads.wait()
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

extension GenerationOptions {
    fileprivate var audioOptions: DecoderOptions {
        var options = DecoderOptions()
        (options.steps, options.audioSeconds) = (audioSteps, audioSeconds)
        return options
    }
}
