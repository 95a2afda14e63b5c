import FoundationEssentials
import MediaIO

#if canImport(Glibc)
    import Glibc
#endif

/// How a melody goes, as MelodyMini's world has it.
public enum MelodyContour: String, CaseIterable, Codable, Sendable {
    case rising, falling, arch, valley, steady

    /// How high it is, 0 to 1, at a part of the way.
    public func height(at x: Double) -> Double {
        let turn = abs(2 * x - 1)
        return switch self {
        case .rising: x
        case .falling: 1 - x
        case .arch: 1 - turn
        case .valley: turn
        case .steady: 0.5
        }
    }

    /// The contour that heights at eight even times go most like, whether there are four steps or
    /// eight.
    ///
    /// - Parameter steady: heights that differ by no more do not move
    public init(heights: [Double], steadyWithin steady: Double) {
        let parts = 8
        precondition(heights.count == parts, "MelodyContour: \(heights.count) heights")
        guard (heights.max() ?? 0) - (heights.min() ?? 0) > steady else {
            self = .steady
            return
        }
        func likeness(_ contour: MelodyContour) -> Double {
            [4, 8].map { count in
                correlation(
                    heights,
                    (0..<parts).map {
                        contour.height(at: Double($0 * count / parts) / Double(count - 1))
                    })
            }.max() ?? 0
        }
        let moving = MelodyContour.allCases.filter { $0 != .steady }
        self = moving.max { likeness($0) < likeness($1) } ?? .steady
    }

    /// The contour of a sound: that whose notes, four or eight of one length, go most like its
    /// pitches. Nil where half of the sound or a whole note has no pitch.
    ///
    /// Within one and a half semitones a melody is steady.
    public init?(of samples: [Float], by tracker: PitchTracker) {
        let pitches = tracker.pitches(of: samples)
        let parts = 8
        // The pitch of each part: the middle one of its middle.
        let notes = (0..<parts).compactMap { part -> Double? in
            let (from, to) = (Double(part) + 0.3, Double(part) + 0.9)
            let scale = Double(samples.count) / Double(parts) / Double(tracker.sampleRate)
            let places = pitches.indices.filter { index in
                (from * scale...to * scale).contains(Double(index) * tracker.hop)
            }
            let found = places.compactMap { pitches[$0] }.sorted()
            return found.isEmpty ? nil : 12 * log2(found[found.count / 2] / 440)
        }
        guard notes.count == parts, pitches.count(where: { $0 != nil }) * 2 > pitches.count
        else { return nil }
        self.init(heights: notes, steadyWithin: 1.5)
    }

    /// The contour along which something moves through a clip of eight frames or more. Nil where
    /// nothing is seen in a frame.
    ///
    /// Within an eighth of the frame's height nothing moves.
    public init?(of track: MotionTrack) {
        let places = uniformIndices(8, of: track.places.count).compactMap { track.places[$0] }
        guard places.count == 8 else { return nil }
        self.init(heights: places.map { 1 - $0.y }, steadyWithin: 0.125)
    }
}

/// Pearson's, 0 where either side does not vary.
private func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let count = Double(a.count)
    let means = (a.reduce(0, +) / count, b.reduce(0, +) / count)
    let product = zip(a, b).reduce(0) { $0 + ($1.0 - means.0) * ($1.1 - means.1) }
    let squares = (
        a.reduce(0) { $0 + ($1 - means.0) * ($1 - means.0) },
        b.reduce(0) { $0 + ($1 - means.1) * ($1 - means.1) }
    )
    let norm = (squares.0 * squares.1).squareRoot()
    return norm > 0 ? product / norm : 0
}
