import Foundation
import MediaIO
import TensorCore
import TestSupport
import Testing

@Suite struct SoundFormatTests {
    @Test(
        arguments: [
            ("u8.wav", 0), ("s16.wav", 0), ("s24.wav", 0), ("s32.wav", 0), ("f32.wav", 0),
            ("f64.wav", 0), ("extensible.wav", 0), ("alaw.wav", 0), ("ulaw.wav", 0),
            ("s24.flac", 0), ("s16.aiff", 0), ("vorbis.ogg", 1e-4), ("opus.ogg", 1e-3),
            ("layer3.mp3", 1e-3), ("aac.m4a", 1e-3), ("opus.webm", 1e-3),
            ("sound-and-picture.mp4", 1e-3),
        ] as [(String, Float)])
    func readsEveryFormatAsOthersDo(_ argument: (name: String, tolerance: Float)) throws {
        let fixture = try Fixture("media_formats")
        let expected = fixture["sound/\(argument.name)"]
        let found = try Waveform(contentsOf: form(argument.name))
        #expect(found.sampleRate == fixture["rate/\(argument.name)"].integers()[0])
        #expect([found.channels.count, found.count] == expected.shape)
        let differences = zip(found.channels.joined(), expected.floats()).map { abs($0 - $1) }
        #expect((differences.max() ?? 1) <= argument.tolerance)
    }

    @Test func tellsFormatsByContent() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/speech.wav"
            for name in ["layer3.mp3", "aac.m4a", "vorbis.ogg"] {
                try Data(contentsOf: URL(filePath: form(name))).write(to: URL(filePath: path))
                #expect(try Waveform(contentsOf: path) == Waveform(contentsOf: form(name)))
            }
        }
    }

    /// A WAV header of these measures, with four bytes of data.
    private func wav(rate: UInt32, channels: UInt16) -> Data {
        var data = Data("RIFF".utf8)
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
        }
        append(UInt32(36 + 8192))
        data += Data("WAVEfmt ".utf8)
        append(UInt32(16))
        append(UInt16(1))
        append(channels)
        append(rate)
        append(rate &* UInt32(channels) &* 2)
        append(channels &* 2)
        append(UInt16(16))
        data += Data("data".utf8)
        append(UInt32(8192))
        return data + Data(count: 8192)
    }

    @Test func refusesAbsurdMeasures() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.wav"
            func error(rate: UInt32, channels: UInt16) throws -> MediaError? {
                try wav(rate: rate, channels: channels).write(to: URL(filePath: path))
                return mediaError { try imageBindAudio(path) }
            }
            #expect(
                try error(rate: 1_000_000_000, channels: 1)?.description
                    == "\(path): has 1000000000 samples a second, at most 768000 are read. "
                    + "Make it smaller or raise the limit.")
            #expect(
                try error(rate: 8000, channels: 1000)?.description
                    == "\(path): has 1000 channels, at most 64 are read. "
                    + "Make it smaller or raise the limit.")
            for (rate, channels) in [(0, 1), (8000, 0)] as [(UInt32, UInt16)] {
                let found = try error(rate: rate, channels: channels)
                #expect(found.map { !$0.description.contains("\n") } ?? false)
            }
            // A rate that shares no factor with 16 kHz needs a filter for each phase.
            try wav(rate: 767_999, channels: 1).write(to: URL(filePath: path))
            _ = mediaError { try imageBindAudio(path) }
        }
    }

    @Test func takesWhatIsNoNumberForSilence() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.wav"
            try writeWAV(Tensor.full([800], 0.25), to: path)
            var bytes = try Data(contentsOf: URL(filePath: path))
            let bad: [Float] = [.nan, .infinity, -.infinity]
            for (index, value) in bad.enumerated() {
                let place = 58 + 4 * (10 + index)
                bytes.replaceSubrange(
                    place..<(place + 4), with: withUnsafeBytes(of: value) { Data($0) })
            }
            try bytes.write(to: URL(filePath: path))
            let found = try Waveform(contentsOf: path).channels[0]
            #expect(found[9] == 0.25 && found[10..<13] == [0, 0, 0] && found[13] == 0.25)
            #expect(try imageBindAudio(path).floats().allSatisfy { $0.isFinite })
        }
    }
}
