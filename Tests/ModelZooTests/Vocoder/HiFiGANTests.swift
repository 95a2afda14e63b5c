import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct HiFiGANTests {
    static let devices = [Device.cpu, .reference]

    private func error(_ found: Tensor, _ fixture: Fixture, _ name: String, _ subject: String)
        -> Float
    {
        relativeError(
            found, fixture[name], of: "Vocoder, tiny, \(subject), \(found.device)",
            original: fixture.source)
    }

    @Test(arguments: devices)
    func soundMatches(device: Device) throws {
        let fixture = try Fixture("vocoder")  // made by vocoder.py
        let weights = Weights(try fixture.weights, device: device)
        let vocoder = try HiFiGAN(try fixture.config(), from: weights)
        try weights.finish(unused: HiFiGAN.unusedTensors)
        let wave = vocoder(recipeInput("mel", [1, 6, 8]).on(device))
        #expect(error(wave, fixture, "wave", "plain") <= 1e-4)
        #expect(
            GoldenRow(
                [-0.096535, -0.083594, -0.112175, -0.065966], [-0.098656, -0.063413], -5.42612,
                5.42612
            ).matches(wave))
        let batch = vocoder(recipeInput("mels", [2, 3, 8]).on(device))
        #expect(error(batch, fixture, "batch", "two spectrograms") <= 1e-4)
    }

    @Test(arguments: devices)
    func weightNormalisationAndInputStatisticsMatch(device: Device) throws {
        let fixture = try Fixture("vocoder_normalized")
        let pairs = try fixture.weights
        #expect(pairs["conv_pre.parametrizations.weight.original1"] != nil)
        let weights = Weights(try pairs.foldingWeightNorm(), device: device)
        let vocoder = try HiFiGAN(try fixture.config(), from: weights)
        try weights.finish()
        let wave = vocoder(recipeInput("mel", [2, 5, 8]).on(device))
        #expect(error(wave, fixture, "wave", "weight-normalised") <= 1e-4)
    }

    @Test func bothDialectsOfWeightNormalisationFoldAlike() throws {
        let pairs = try Fixture("vocoder_normalized").weights
        let old = try pairs.renamed { name in
            for (index, letter) in [(0, "g"), (1, "v")] {
                let suffix = "parametrizations.weight.original\(index)"
                if name.hasSuffix(suffix) {
                    return name.dropLast(suffix.count) + "weight_\(letter)"
                }
            }
            return name
        }
        let (a, b) = (try pairs.foldingWeightNorm(), try old.foldingWeightNorm())
        #expect(a.tensors.map(\.name) == b.tensors.map(\.name))
        let name = "upsampler.0.weight"
        #expect(try a[name]?.tensor().floats() == b[name]?.tensor().floats())
    }

    @Test func aHalfOfAPairIsAnError() throws {
        let checkpoint = try Checkpoint(
            file: "half.bin",
            tensors: [StoredTensor(name: "conv.weight_v", value: .zeros([2, 3, 4]))])
        #expect(
            throws: CheckpointError.missing(
                name: "conv.weight_g", expected: [2, 1, 1], file: "memory")
        ) { try checkpoint.foldingWeightNorm() }
    }

    @Test func sizesThatCannotBeAreRefused() {
        func refusal(_ change: (inout HiFiGANConfig) -> Void) -> Bool {
            var config = HiFiGANConfig(
                melBins: 8, initialChannels: 16, upsampleRates: [5, 2],
                upsampleKernelSizes: [16, 4])
            change(&config)
            do {
                _ = try HiFiGAN(config, from: .shapesOnly())
                return false
            } catch { return error is ConfigError }
        }
        #expect(!refusal { _ in })
        #expect(refusal { $0.upsampleRates = [5] })
        #expect(refusal { $0.upsampleInitialChannel = 18 })
        #expect(refusal { $0.resblockKernelSizes = [3, 4, 7] })
        #expect(refusal { $0.resblockDilationSizes = [[0], [1], [1]] })
        #expect(refusal { $0.modelInDim = 0 })
    }
}
