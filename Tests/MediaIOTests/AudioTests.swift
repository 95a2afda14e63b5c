import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

/// Deterministic noise in ±0.1.
private func noise(_ count: Int) -> [Double] {
    var state = 12_345
    return (0..<count).map { _ in
        state = (1_103_515_245 &* state + 12_345) % 2_147_483_648
        return 0.2 * (Double(state) / 2_147_483_647 - 0.5)
    }
}

private func centeredNoise(_ count: Int) -> [Float] {
    let values = noise(count)
    let mean = values.reduce(0, +) / Double(count)
    return values.map { Float($0 - mean) }
}

@Suite struct AudioTests {
    @Test func filterBankHasTheKnownWeights() {
        let bank = FilterBank(sampleRate: 16_000, melBins: 128)
        #expect(bank.weights[0].start == 1 && bank.weights[0].values.count == 1)
        #expect(abs(bank.weights[0].values[0] - 0.802640) < 1e-6)
        #expect(bank.weights[3].values.isEmpty)
        #expect(bank.weights[60].start == 52)
        #expect(abs(bank.weights[60].values[0] - 0.685154) < 1e-6)
        #expect(abs(bank.weights[60].values[1] - 0.623658) < 1e-6)
        #expect(bank.weights[127].start == 246 && bank.weights[127].values.count == 10)
        #expect(abs(bank.weights[127].values[9] - 0.186288) < 1e-6)
    }

    @Test func filterBankGivesTheGoldenNumbers() {
        let raw = noise(3)
        #expect(abs(raw[0] - 0.03103081) < 1e-7 && abs(raw[1] + 0.03903714) < 1e-7)
        let flat = FilterBank(sampleRate: 16_000, melBins: 128)(centeredNoise(32_000))
        let frames = stride(from: 0, to: flat.count, by: 128).map { Array(flat[$0..<($0 + 128)]) }
        #expect(frames.count == 198)
        let all = frames.joined().map(Double.init)
        let mean = all.reduce(0, +) / Double(all.count)
        let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count)
        #expect(abs(mean + 1.999097) < 1e-4 && abs(variance.squareRoot() - 3.461028) < 1e-4)
        let golden: [(Int, Int, Float)] = [
            (0, 0, -7.73694), (0, 1, -10.53016), (0, 3, -15.94239), (0, 64, -1.51912),
            (0, 127, 2.37838), (99, 50, -4.13930), (197, 127, 2.04639),
        ]
        for (frame, bin, value) in golden { #expect(abs(frames[frame][bin] - value) < 2e-4) }
    }

    @Test(arguments: [80, 128]) func filterBankMatchesTheOriginals(bins: Int) throws {
        let fixture = try Fixture("media")
        let expected = fixture["fbank/\(bins)"]
        let bank = FilterBank(sampleRate: 16_000, melBins: bins)
        let found = Tensor(bank(centeredNoise(4000)), [bank.frames(4000), bins])
        #expect(found.shape == expected.shape)
        for (a, b) in zip(found.floats(), expected.floats()) {
            #expect(abs(a - b) <= (b > -8 ? 2e-4 : 2e-3))
        }
        let error = relativeError(
            found, expected, of: "Kaldi filter bank, \(bins) bins", original: fixture.source)
        #expect(error <= 2e-4)
    }

    @Test(arguments: [44_100, 48_000, 22_050, 8_000, 11_025])
    func resamplesAsTheOriginal(rate: Int) throws {
        let fixture = try Fixture("media")
        let sound = Array(centeredNoise(4000).prefix(1500))
        let found = SincResampler(from: rate, to: 16_000)(sound)
        let expected = fixture["resample/\(rate)"]
        let error = relativeError(
            Tensor(found), expected, of: "Resampling from \(rate) Hz", original: fixture.source)
        #expect(error <= 1e-5)
    }

    @Test func resamplesASineToTheGoldenNumbers() {
        func sine(_ count: Int, _ rate: Double) -> [Float] {
            (0..<count).map { Float(sin(2 * Double.pi * 440 * Double($0) / rate)) }
        }
        let cd = SincResampler(from: 44_100, to: 16_000)(sine(4410, 44_100))
        #expect(cd.count == 1600)
        let start: [Float] = [0.01624744, 0.16971140, 0.34002010, 0.49512998]
        for (a, b) in zip(cd, start) { #expect(abs(a - b) < 2e-6) }
        for (a, b) in zip(cd[800...], [0, 0.17197016, 0.33881358] as [Float]) {
            #expect(abs(a - b) < 2e-6)
        }
        let phone = SincResampler(from: 8_000, to: 16_000)(sine(800, 8_000))
        #expect(phone.count == 1600)
        for (a, b) in zip(phone, [0.0009068, 0.1417441, 0.3378849, 0.5088508] as [Float]) {
            #expect(abs(a - b) < 2e-6)
        }
    }

    @Test func padsAndNormalisesClips() throws {
        let sound = Waveform(sampleRate: 16_000, channels: [centeredNoise(32_000)])
        let found = try imageBindAudio(sound)
        #expect(found.shape == [3, 1, 128, 204])
        let values = found.floats()
        // Shorter than six seconds: the three clips are the same where there are two seconds.
        let size = 128 * 204
        #expect(values[0..<size] == values[size..<(2 * size)])
        #expect(abs(values[198] - 0.467061) < 1e-6 && abs(values[203] - 0.467061) < 1e-6)
        #expect(abs(values[3 * 204] + 1.277563) < 1e-5)
        #expect(abs(values[127 * 204] - (2.37838 + 4.268) / 9.138) < 1e-4)
    }

    @Test func removesTheMeanOverChannelsAndHearsTheFirst() throws {
        let config = AudioTransformConfig(clips: 2, seconds: 0.1, melBins: 16, frames: 12)
        let one = centeredNoise(3200)
        let shifted = one.map { $0 + 0.25 }
        let plain = try imageBindAudio(Waveform(sampleRate: 16_000, channels: [one]), config)
        let mixed = try imageBindAudio(
            Waveform(sampleRate: 16_000, channels: [shifted, one.map { $0 - 0.25 }]), config)
        #expect(plain.shape == [2, 1, 16, 12])
        #expect(mixed.isClose(to: plain, absolute: 2e-3))
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: alsaSound)))
    func hearsAKnownRecording() throws {
        let sound = try Waveform(contentsOf: alsaSound).resampled(to: 16_000)
        #expect(sound.count == 22_849)
        let sum = sound.channels[0].reduce(0.0) { $0 + Double($1) }
        #expect(abs(sum - 0.920637) < 1e-3)
        let values = try imageBindAudio(alsaSound).floats()
        #expect(abs(values[0] + 1.27756) < 1e-4)
        #expect(abs(values[64 * 204 + 100] - 0.11052) < 1e-3)
        #expect(abs(values[127 * 204 + 50] + 0.62130) < 1e-3)
    }
}

/// Of Debian's alsa-utils.
private let alsaSound = "/usr/share/sounds/alsa/Front_Center.wav"
