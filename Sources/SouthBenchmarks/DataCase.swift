import Foundation
import MediaIO
public import TensorCore

/// One kind of medium on its way from a file to an encoder: what `southgpt-bench data` times on
/// both sides.
public enum DataCase: String, Codable, CaseIterable, Sendable {
    /// A JPEG to ImageBind's `[3, 224, 224]`.
    case image
    /// A WAV to the filter banks of three clips.
    case sound
    /// An MP4 to the frames of five clips in three crops.
    case clip

    /// Its name in the table.
    public var name: String {
        switch self {
        case .image: "JPEG → tensor"
        case .sound: "WAV → filter bank"
        case .clip: "MP4 → clips"
        }
    }

    /// How the names of its files end.
    public var fileType: String {
        switch self {
        case .image: "jpg"
        case .sound: "wav"
        case .clip: "mp4"
        }
    }

    /// A file as ImageBind's encoder takes it.
    ///
    /// - Throws: `MediaError`
    public func load(_ path: String) throws -> Tensor {
        switch self {
        case .image: try imageBindImage(path)
        case .sound: try imageBindAudio(path)
        case .clip: try imageBindVideo(path)
        }
    }

    /// Writes a file of the size that datasets have: a picture of 640 × 480, ten seconds of sound
    /// at 44.1 kHz, fifteen seconds of 640 × 360 at 25 frames a second.
    ///
    /// - Throws: `MediaError`
    public func writeSample(in folder: String) throws -> String {
        let path = "\(folder)/sample.\(fileType)"
        switch self {
        case .image: try writeJPEG(picture(width: 640, height: 480, time: 0), to: path)
        case .sound:
            let tone = (0..<441_000).map { index -> Float in
                let t = Float(index) / 44_100
                return 0.3 * sin(2 * .pi * 330 * t) + 0.1 * sin(2 * .pi * 2_800 * t * t / 10)
            }
            try writeWAV(Tensor(tone), to: path, sampleRate: 44_100)
        case .clip:
            let frames = (0..<375).map {
                picture(width: 640, height: 360, time: Float($0) / 25).unsqueezed(0)
            }
            try writeMP4(Tensor.concatenate(frames, axis: 0), to: path, framesPerSecond: 25)
        }
        return path
    }
}

/// Smooth colours that move, with texture and edges: `[3, height, width]`.
private func picture(width: Int, height: Int, time: Float) -> Tensor {
    var state: UInt32 = 1
    var values = [Float](repeating: 0, count: 3 * width * height)
    for channel in 0..<3 {
        for y in 0..<height {
            for x in 0..<width {
                state = state &* 1_664_525 &+ 1_013_904_223
                let noise = Float(state >> 8) / 16_777_216 - 0.5
                let phase = Float(x) / Float(30 + 20 * channel) + Float(y) / 41 + time
                let edge: Float = (x / 64 + y / 48).isMultiple(of: 2) ? 0.1 : -0.1
                values[(channel * height + y) * width + x] =
                    0.5 + 0.3 * sin(phase) + edge + 0.06 * noise
            }
        }
    }
    return Tensor(values, [3, height, width])
}
