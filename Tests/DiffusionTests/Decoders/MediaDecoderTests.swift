import Diffusion
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Whole decoders against the pipelines of diffusers, with the bar of one network although
/// guidance multiplies every rounding difference by up to nine at every step.
@Suite struct MediaDecoderTests {
    private static let condition: [Modality: Tensor] = [
        .image: recipeInput("gen", [1, 77, 24]), .audio: recipeInput("gen", [1, 16]),
        .video: recipeInput("gen", [1, 77, 24]),
    ]

    /// The decoder of a modality, knowing only the empty prompt.
    private func decoder(_ modality: Modality, _ fixture: Fixture) throws -> MediaDecoder {
        let configs = try fixture.config([String: TinyDecoder].self)
        let config = try #require(configs[modality.rawValue]).config(modality)
        return try TinyDecoder.decoder(config) { prompt, length in
            precondition(prompt.isEmpty)
            switch modality {
            case .audio: return [0, 2] + [Int](repeating: 1, count: length - 2)
            case .image: return [49406, 49407] + [Int](repeating: 49407, count: length - 2)
            case .video: return [49406, 49407] + [Int](repeating: 0, count: length - 2)
            }
        }.decoder
    }

    private func options(_ modality: Modality) -> DecoderOptions {
        var options = DecoderOptions()
        (options.seed, options.steps) = (7, 4)
        (options.frames, options.audioSeconds) = (3, 0.02)
        return options
    }

    private func check(
        _ name: String, _ decoder: MediaDecoder, _ options: DecoderOptions, _ fixture: Fixture
    ) throws {
        let condition = try #require(Self.condition[decoder.modality])
        var last: Tensor?
        let medium = try decoder.generate(conditioning: condition, options: options) {
            last = $0.latents
        }
        let latents = relativeError(
            try #require(last), fixture["\(name).latents"], of: "decoder, tiny \(name), latents",
            original: fixture.source)
        #expect(latents <= 1e-4, "\(name)")
        let error = relativeError(
            medium, fixture["\(name).medium"], of: "decoder, tiny \(name)",
            original: fixture.source)
        #expect(error <= 1e-4, "\(name)")
    }

    @Test func theMemoryOfARunIsForeseen() async {
        await #expect(processExitsWith: .success) {
            let suite = MediaDecoderTests()
            for modality in [Modality.image, .audio, .video] {
                let decoder = try suite.decoder(modality, Fixture("decoders"))
                let condition = try #require(Self.condition[modality])
                var options = suite.options(modality)
                (options.height, options.width, options.audioSeconds) = (64, 64, 0.1)
                let foreseen = try decoder.bytesNeeded(for: options)
                TensorMemory.resetPeak()
                let before = TensorMemory.current
                _ = try decoder.generate(conditioning: condition, options: options)
                let ratio = Double(TensorMemory.peak - before) / Double(foreseen)
                precondition(abs(ratio - 1) < 0.25, "\(modality): \(ratio) of \(foreseen) bytes")
            }
        }
    }

    @Test func memoryDoesNotGrowWithTheNumberOfSteps() async {
        await #expect(processExitsWith: .success) {
            let suite = MediaDecoderTests()
            for modality in Modality.allCases {
                let decoder = try suite.decoder(modality, Fixture("decoders"))
                let condition = try #require(Self.condition[modality])
                var options = suite.options(modality)
                func run(steps: Int) throws -> (peak: Int, kept: Int, waiting: Int) {
                    options.steps = steps
                    TensorMemory.resetPeak()
                    let before = TensorMemory.current
                    _ = try decoder.generate(conditioning: condition, options: options)
                    return (
                        TensorMemory.peak - before, TensorMemory.current - before,
                        TensorMemory.cached
                    )
                }
                // The first fills the pool and encodes the empty prompt once for all; PNDM looks as
                // far back in six steps as it ever does.
                _ = try run(steps: 6)
                let (short, long) = (try run(steps: 6), try run(steps: 40))
                precondition(short == long && long.kept == 0, "\(modality): \(short), \(long)")
            }
        }
    }

    @Test func aRunThatDoesNotFitIsRefusedBeforeItBegins() throws {
        let decoder = try decoder(.image, Fixture("decoders"))
        var options = options(.image)
        (options.height, options.width) = (2048, 2048)
        let condition = try #require(Self.condition[.image])
        #expect(throws: MemoryError.self) {
            try decoder.generate(
                conditioning: condition, options: options, memory: MemoryBudget(limit: 1 << 20)
            ) { _ in Issue.record("a step was made") }
        }
    }

    @Test func imagesMatchTheOriginal() throws {
        let fixture = try Fixture("decoders")  // by decoders.py
        let decoder = try decoder(.image, fixture)
        let empty = relativeError(
            try decoder.conditioning(prompt: ""), fixture["image.empty"],
            of: "decoder, tiny image, empty prompt", original: fixture.source)
        #expect(empty <= 1e-5)
        var options = options(.image)
        try check("image", decoder, options, fixture)
        options.steps = 10
        try check("image-ten", decoder, options, fixture)
        options.steps = 4
        options.scheduler = .eulerAncestral
        try check("image-noisy", decoder, options, fixture)
        // Section 17.4 of the specification: final latents and pixels, first elements.
        let medium = fixture["image.medium"].permuted(1, 2, 0).flattened().sliced(0, 0..<4)
        let golden = Tensor([0.456425, 0.520278, 0.466686, 0.421619] as [Float])
        #expect(medium.isClose(to: golden, absolute: 2e-6))
    }

    @Test func soundsMatchTheOriginal() throws {
        let fixture = try Fixture("decoders")
        let decoder = try decoder(.audio, fixture)
        let empty = relativeError(
            try decoder.conditioning(prompt: ""), fixture["audio.empty"],
            of: "decoder, tiny audio, empty prompt", original: fixture.source)
        #expect(empty <= 1e-5)
        var options = options(.audio)
        try check("audio", decoder, options, fixture)
        options.steps = 10
        try check("audio-ten", decoder, options, fixture)
    }

    @Test func clipsMatchTheOriginal() throws {
        let fixture = try Fixture("decoders")
        let decoder = try decoder(.video, fixture)
        var options = options(.video)
        try check("video", decoder, options, fixture)
        options.steps = 10
        try check("video-ten", decoder, options, fixture)
        options.steps = 4
        options.eta = 0.7
        try check("video-noisy", decoder, options, fixture)
    }

    @Test func sameSeedSameBytesOtherSeedOthers() throws {
        let fixture = try Fixture("decoders")
        let decoder = try decoder(.audio, fixture)
        let condition = recipeInput("gen", [16])
        var options = options(.audio)
        let first = try decoder.generate(conditioning: condition, options: options).floats()
        #expect(try decoder.generate(conditioning: condition, options: options).floats() == first)
        options.seed = 8
        #expect(try decoder.generate(conditioning: condition, options: options).floats() != first)
        options.seed = 7
        options.normalizesAudioConditioning = true
        #expect(try decoder.generate(conditioning: condition, options: options).floats() != first)
    }

    @Test func theNumberOfThreadsChangesNoByte() async {
        await #expect(processExitsWith: .success) {
            let (suite, all) = (MediaDecoderTests(), ThreadPool.count)
            for modality in Modality.allCases {
                let decoder = try suite.decoder(modality, Fixture("decoders"))
                let condition = try #require(Self.condition[modality])
                var options = suite.options(modality)
                (options.height, options.width, options.audioSeconds) = (32, 48, 0.1)
                var media: [[Float]] = []
                for threads in [all, 1] {
                    ThreadPool.limit(to: threads)
                    media.append(
                        try decoder.generate(conditioning: condition, options: options).floats())
                }
                precondition(media[0] == media[1], "\(modality)")
            }
        }
    }

    @Test func refusesConditionsAndOptionsThatDoNotFit() throws {
        let fixture = try Fixture("decoders")
        let decoder = try decoder(.image, fixture)
        func refusal(_ decoder: MediaDecoder, _ shape: Shape) throws -> String {
            let error = #expect(throws: DecoderError.self) {
                try decoder.generate(conditioning: recipeInput("gen", shape)) { _ in
                    Issue.record("a step was made")
                }
            }
            return "\(try #require(error))"
        }
        for shape: Shape in [[1, 77, 32], [78, 24], [1, 24], [2, 77, 24], [24]] {
            #expect(
                try refusal(decoder, shape)
                    == "image decoder: a condition of shape \(shape), expected [77, 24] or 2 rows "
                    + "at least. Is the output projection made for this decoder?")
        }
        #expect(
            try refusal(self.decoder(.audio, fixture), [2, 16])
                == "audio decoder: a condition of shape [2, 16], expected [16]. Is the output "
                + "projection made for this decoder?")
        var odd = DecoderOptions()
        odd.height = 15
        #expect(
            throws: DecoderError.option(
                name: "height", found: "15", expected: "a multiple of 2 up to 8192")
        ) {
            try decoder.generate(conditioning: recipeInput("gen", [77, 24]), options: odd)
        }
    }

    @Test func lengthsOfSoundsFollowTheOriginal() throws {
        let fixture = try Fixture("decoders")
        let configs = try fixture.config([String: TinyDecoder].self)
        var config = try #require(configs["audio"]).config(.audio)
        config.vae.blockOutChannels = [128, 256, 512]
        config.vocoder?.upsampleRates = [5, 4, 2, 2, 2]
        config.vocoder?.modelInDim = 64
        config.unet.sampleSize = 128
        // Section 8.2: seconds, latent rows, samples kept.
        for (seconds, rows, samples) in [
            (5.12, 128, 81920), (9, 225, 144_000), (10, 250, 160_000), (2.3, 58, 36800),
            (0.29, 8, 4640), (0.28, 7, 4480),
        ] {
            var options = DecoderOptions()
            options.audioSeconds = seconds
            let request = try DecoderRequest(options, for: config)
            #expect(request.latentShape == [1, 8, rows, 16], "\(seconds)")
            #expect(request.samples == samples, "\(seconds)")
        }
        #expect(try DecoderRequest(DecoderOptions(), for: config).samples == 81920)
        for seconds in [0.03, -1, 601, Double.nan, .infinity] {
            var options = DecoderOptions()
            options.audioSeconds = seconds
            #expect(throws: DecoderError.self) { try DecoderRequest(options, for: config) }
        }
    }
}
