import Diffusion
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Runs that begin at pictures, batches and negative prompts against the pipelines of diffusers.
@Suite struct PictureStartTests {
    private let picture = recipeInput("picture", [3, 16, 24], scale: 1) + 0.5
    private let condition = recipeInput("gen", [1, 77, 24])

    private var mask: Tensor {
        let inside = (0..<16).flatMap { row in
            (0..<24).map { column -> Float in
                (4..<12).contains(row) && (6..<18).contains(column) ? 1 : 0
            }
        }
        return Tensor(inside, [16, 24])
    }

    private func decoder(inputs: Int = 4) throws -> MediaDecoder {
        let configs = try Fixture("decoders").config([String: TinyDecoder].self)
        var config = try #require(configs["image"]).config(.image)
        config.unet.inChannels = inputs
        return try TinyDecoder.decoder(config) { prompt, length in
            let words = prompt.isEmpty ? [] : [320, 530, 786]
            let ids = [49406] + words
            return ids + [Int](repeating: 49407, count: length - ids.count)
        }.decoder
    }

    private func options(
        _ steps: Int, strength: Float? = nil, masked: Bool = false, noisy: Bool
    ) -> DecoderOptions {
        var options = DecoderOptions()
        (options.seed, options.steps) = (7, steps)
        options.start = PictureStart(picture, strength: strength, mask: masked ? mask : nil)
        options.scheduler = noisy ? .eulerAncestral : nil
        return options
    }

    private func check(
        _ name: String, _ decoder: MediaDecoder, _ options: DecoderOptions
    ) throws {
        let fixture = try Fixture("picture_starts")  // by picture_starts.py
        let found = try decoder.media(conditioning: condition, options: options)
        let error = relativeError(
            options.count > 1 ? Tensor.stack(found) : found[0], fixture[name],
            of: "decoder, tiny image, \(name)", original: fixture.source)
        #expect(error <= 1e-4, "\(name)")
    }

    @Test func picturesAreChangedAsByTheOriginal() throws {
        let decoder = try decoder()
        try check("change.pndm", decoder, options(6, strength: 0.7, noisy: false))
        try check("change.noisy", decoder, options(6, strength: 0.7, noisy: true))
    }

    @Test func masksAreFilledAsByTheOriginal() throws {
        let decoder = try decoder()
        try check("paint.pndm", decoder, options(4, masked: true, noisy: false))
        try check("paint.noisy", decoder, options(4, masked: true, noisy: true))
        try check("paint.part", decoder, options(6, strength: 0.7, masked: true, noisy: true))
    }

    @Test func networksTrainedToFillMasksMatchTheOriginal() throws {
        let decoder = try decoder(inputs: 9)
        try check("paint.wide", decoder, options(4, masked: true, noisy: true))
        try check(
            "paint.wide.part", decoder, options(6, strength: 0.7, masked: true, noisy: false))
        let error = #expect(throws: DecoderError.self) {
            try decoder.generate(conditioning: condition)
        }
        #expect(
            "\(try #require(error))"
                == "the mask is absent, expected one, with the picture to change: this UNet was "
                + "trained to fill masks. Ask for another value.")
    }

    @Test func batchesAndNegativePromptsMatchTheOriginal() throws {
        let decoder = try decoder()
        var options = DecoderOptions()
        (options.seed, options.steps, options.height, options.width) = (7, 4, 16, 24)
        var unwanted = options
        unwanted.negativePrompt = "not this"
        try check("negative", decoder, unwanted)
        options.scheduler = .eulerAncestral
        options.count = 2
        try check("batch", decoder, options)
        // Each is what its own seed makes alone.
        let both = try decoder.media(conditioning: condition, options: options)
        options.seed = 8
        let second = try decoder.generate(conditioning: condition, options: options)
        #expect(both[1].isClose(to: second, absolute: 1e-4))
    }

    @Test func refusesStartsThatDoNotFit() throws {
        let decoder = try decoder()
        func refusal(_ options: DecoderOptions) throws -> String {
            let error = #expect(throws: DecoderError.self) {
                try decoder.generate(conditioning: condition, options: options) { _ in
                    Issue.record("a step was made")
                }
            }
            return "\(try #require(error))"
        }
        var other = options(6, noisy: false)
        other.height = 32
        #expect(
            try refusal(other)
                == "the picture to begin from is [3, 16, 24], expected [3, 32, 24]. "
                + "Ask for another value.")
        #expect(
            try refusal(options(6, strength: 0.1, noisy: false))
                == "strength is 0.1, expected 0 to 1, and with 6 steps enough for one of them. "
                + "Ask for another value.")
        var masked = options(6, noisy: false)
        masked.start?.mask = Tensor.zeros([8, 8])
        #expect(
            try refusal(masked) == "the mask is [8, 8], expected [16, 24]. Ask for another value.")
    }
}
