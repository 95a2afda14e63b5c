import FoundationEssentials
import MediaIO
import ModelZoo
import TensorCore

/// What can be told of a medium without its caption.
struct MediumReading {
    /// What a judge says of each slot.
    var judged: [String: String] = [:]
    /// What was measured of a slot; nil where it could not be.
    var measured: [String: String?] = [:]
    /// When notes of a sound begin, where the plan measures that.
    var onsets: [Double]?
    /// The medium in the judge's space and in the encoder's.
    var features: Tensor?
    var embedding: [Float]?
}

extension EvaluationPlan {
    /// Measures what the plan says.
    ///
    /// - Throws: `MediaError`
    func measure(_ path: String, _ modality: Modality, in reading: inout MediumReading) throws {
        guard let measurements = measured[modality], !measurements.isEmpty else { return }
        switch modality {
        case .image: return
        case .audio:
            let sound = try Waveform(contentsOf: path).resampled(to: 16_000)
            let samples = sound.mono
            let tracker = PitchTracker(sampleRate: 16_000)
            let onsets = NoteOnsets(of: samples, sampleRate: 16_000)
            if measurements.values.contains(where: { $0.by == .onsets }) {
                reading.onsets = onsets.times
            }
            reading.measured = measurements.mapValues { measurement in
                measurement.by == .pitch
                    ? MelodyContour(of: samples, by: tracker)?.rawValue
                    : MelodyTempo(of: onsets, seconds: sound.duration)?.rawValue
            }
        case .video:
            let track = MotionTrack(try VideoFile(contentsOf: path).frames())
            reading.measured = measurements.mapValues { measurement in
                measurement.by == .motion
                    ? MelodyContour(of: track)?.rawValue : MelodyTempo(of: track)?.rawValue
            }
        }
    }

    /// Whether a slot of a medium that shows these values can be measured.
    func isMeasurable(_ slot: String, _ modality: Modality, _ shown: [String: String]) -> Bool {
        guard let measurement = measured[modality]?[slot] else { return false }
        return (measurement.unless ?? [:]).allSatisfy { other, values in
            shown[other].map { !values.contains($0) } ?? true
        }
    }
}

extension Waveform {
    /// The mean of its channels.
    fileprivate var mono: [Float] {
        var sum = [Float](repeating: 0, count: count)
        for channel in channels {
            for index in sum.indices { sum[index] += channel[index] / Float(channels.count) }
        }
        return sum
    }
}
