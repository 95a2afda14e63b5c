import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

@Suite struct WaveformTests {
    @Test func readsBackItsOwnWAV() throws {
        let samples = recipeInput("wav", [1000], scale: 2)
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.wav"
            try writeWAV(samples, to: path)
            let found = try Waveform(contentsOf: path)
            #expect(found.sampleRate == 16_000)
            #expect(found.channels == [samples.floats()])
            #expect(try Data(contentsOf: URL(filePath: path)).count == 58 + 4000)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.wav"])
        }
    }

    @Test func readsFLACAndTheSoundOfAnMP4() throws {
        let lossless = try Waveform(contentsOf: sample("sound.flac"))
        #expect(lossless.sampleRate == 8000 && lossless.channels.map(\.count) == [1600])
        let peak = lossless.channels[0].map(abs).max() ?? 0
        #expect(peak > 0.1 && peak < 0.2)
        let coded = try Waveform(contentsOf: sample("sound.mp4"))
        #expect(coded.sampleRate == 8000 && coded.channels.count == 1 && coded.count >= 1600)
    }

    @Test func divides16BitSamplesBy32768() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.wav"
            try wav([-32_768, 0, 16_384, 32_767, 5, 6], channels: 2).write(
                to: URL(filePath: path))
            let found = try Waveform(contentsOf: path)
            let left: [Float] = [-1, 0.5, 5 / 32_768]
            let right: [Float] = [0, 32_767 / 32_768, 6 / 32_768]
            #expect(found.channels == [left, right])
        }
    }

    @Test func refusesSilenceOfNoLength() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/empty.wav"
            try wav([], channels: 1).write(to: URL(filePath: path))
            #expect(
                mediaError { try Waveform(contentsOf: path) }
                    == .empty(file: path, what: "samples"))
            try writeWAV(Tensor.zeros([0]), to: path)
            #expect(
                mediaError { try imageBindAudio(path) }?.description
                    == "\(path): has no samples, expected at least one. Was the recording saved?")
        }
    }

    @Test func refusesLessThanOneFrame() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/short.wav"
            try writeWAV(Tensor.zeros([200]), to: path)
            #expect(
                mediaError { try imageBindAudio(path) }
                    == .tooShort(file: path, found: 0.0125, expected: 0.025))
        }
    }

    @Test func refusesWhatIsNoSound() throws {
        let text = sample("text.jpg")
        #expect(
            mediaError { try Waveform(contentsOf: text) }
                == .notMedia(file: text, found: "text", expected: "a sound"))
        #expect(
            mediaError { try Waveform(contentsOf: sample("clip.mov")) }
                == .noAudio(file: sample("clip.mov")))
        #expect(
            mediaError { try Waveform(contentsOf: "none.wav") } == .missing(file: "none.wav"))
    }

    @Test func holdsTheHeaderAgainstTheLimits() throws {
        let file = sample("sound.flac")
        #expect(
            mediaError { try Waveform(contentsOf: file, limits: MediaLimits(samples: 1599)) }
                == .tooLarge(file: file, what: "samples", found: 1600, limit: 1599))
        guard
            case .tooLarge(_, "seconds", _, _) = mediaError({
                try Waveform(contentsOf: file, limits: MediaLimits(seconds: 0.1))
            })
        else {
            Issue.record("no limit of seconds")
            return
        }
    }

    /// A WAV of 16-bit samples.
    private func wav(_ samples: [Int16], channels: Int) -> Data {
        var data = Data("RIFF".utf8)
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
        }
        append(UInt32(36 + samples.count * 2))
        data += Data("WAVEfmt ".utf8)
        append(UInt32(16))
        append(UInt16(1))
        append(UInt16(channels))
        append(UInt32(16_000))
        append(UInt32(16_000 * channels * 2))
        append(UInt16(channels * 2))
        append(UInt16(16))
        data += Data("data".utf8)
        append(UInt32(samples.count * 2))
        for sample in samples { append(sample) }
        return data
    }
}
