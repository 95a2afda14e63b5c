import DataPipeline
import Dialogue
public import MediaIO
public import ModelZoo
import TensorCore

/// Which medium a component is trained on, and how much of it.
public struct TrainingMedium: Codable, Equatable, Sendable {
    /// Pictures, sounds or clips.
    public var modality: Modality
    /// Pixels of a side, of pictures and clips.
    public var size: Int?
    /// Frames of a clip, spread evenly over the video.
    public var frames: Int?
    /// Length of a sound; longer ones are cut, shorter ones end in silence.
    public var seconds: Double?
    /// The spectrogram of a sound.
    public var mel: MelSpectrogram?

    /// A medium.
    public init(
        _ modality: Modality, size: Int? = nil, frames: Int? = nil, seconds: Double? = nil,
        mel: MelSpectrogram? = nil
    ) {
        (self.modality, self.size, self.frames) = (modality, size, frames)
        (self.seconds, self.mel) = (seconds, mel)
    }

    /// Frames of a sound's spectrogram.
    var melFrames: Int {
        guard let mel, let seconds else { return 0 }
        return Int((seconds * Double(mel.sampleRate) / Double(mel.hop)).rounded())
    }

    /// Checks that what the modality needs is there.
    ///
    /// - Parameter factor: pixels of one latent, which sizes must be multiples of
    /// - Throws: `SettingsError`
    func check(_ source: PretrainingSource, multipleOf factor: Int = 1) throws {
        func require(_ key: String, _ value: Int?) throws {
            guard let value, (1...65536).contains(value), value % factor == 0 else {
                throw source.fault(
                    "medium.\(key)", value.map { "\($0)" } ?? "absent",
                    factor == 1 ? "1 to 65536" : "a positive multiple of \(factor)")
            }
        }
        switch modality {
        case .image: try require("size", size)
        case .video:
            try require("size", size)
            guard let frames, (1...4096).contains(frames) else {
                throw source.fault(
                    "medium.frames", frames.map { "\($0)" } ?? "absent", "1 to 4096")
            }
        case .audio:
            guard let seconds, seconds > 0, seconds <= 3600 else {
                throw source.fault(
                    "medium.seconds", seconds.map { "\($0)" } ?? "absent", "a length above 0")
            }
            guard let mel else { throw source.fault("medium.mel", "absent", "a spectrogram") }
            guard mel.sampleRate > 0, mel.hop > 0, mel.window >= 2, mel.melBins > 0,
                mel.lowestFrequency >= 0, mel.lowestFrequency < mel.highestFrequency,
                seconds * Double(mel.sampleRate) > Double(mel.window)
            else { throw source.fault("medium.mel", "\(mel)", "a spectrogram of such sounds") }
            guard melFrames % factor == 0, mel.melBins % factor == 0 else {
                throw source.fault(
                    "medium", "\(melFrames) frames of \(mel.melBins) mel bins",
                    "multiples of \(factor)")
            }
        }
    }

    /// A medium as its autoencoder takes it.
    ///
    /// - Shapes: picture `[3, size, size]` and clip `[frames, 3, size, size]`, both in [−1, 1];
    ///   sound `[1, frames, melBins]`
    /// - Throws: `MediaError`, `DatasetError`
    func tensor(of reference: MediaReference) throws -> Tensor {
        try reference.withPath { path in
            switch modality {
            case .image: return try RGBImage(contentsOf: path).signed(size ?? 0)
            case .video:
                let video = try VideoFile(contentsOf: path)
                let places = uniformIndices(frames ?? 0, of: video.frameCount)
                return Tensor.stack(try video.frames(places).map { $0.signed(size ?? 0) })
            case .audio:
                let samples = try self.samples(at: path)
                guard let mel else { return samples }
                return mel(samples.unsqueezed(0)).sliced(1, 0..<melFrames)
            }
        }
    }

    /// A sound: `[samples]`.
    func samples(at path: String) throws -> Tensor {
        let rate = mel?.sampleRate ?? 16_000
        let sound = try Waveform(contentsOf: path)
        return Tensor(
            sound.prepared(
                sampleRate: rate, samples: Int((Double(rate) * (seconds ?? 0)).rounded())))
    }
}

extension RGBImage {
    /// The middle square, `[3, size, size]` in [−1, 1].
    fileprivate func signed(_ size: Int) -> Tensor {
        let cut = resizedAndCut(size)
        let area = size * size
        var values = [Float](repeating: 0, count: 3 * area)
        for channel in 0..<3 {
            for index in 0..<area {
                values[channel * area + index] = Float(cut.pixels[index * 3 + channel]) / 127.5 - 1
            }
        }
        return Tensor(values, [3, size, size])
    }
}

/// What a sample says of its media.
struct CaptionedMedia {
    let caption: String
    let media: [MediaReference]

    /// The caption is that of an answer's medium where there is one, else what the assistant says of
    /// the media first.
    init(_ sample: DialogueSample) {
        let answer = sample.messages.first { $0.role == .assistant }
        caption = sample.targets.first?.caption ?? answer?.text ?? ""
        media = sample.media
    }

    /// The first medium of a modality.
    func first(_ modality: Modality) -> MediaReference? {
        media.first { $0.modality == modality }
    }
}
