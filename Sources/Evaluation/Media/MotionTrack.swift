public import MediaIO

/// Where something is in each frame of a clip: the middle of what differs from the ground.
public struct MotionTrack: Sendable {
    /// A place in parts of the frame's sides, from the top left.
    public struct Place: Equatable, Sendable {
        public let x, y: Double
    }

    /// Of each frame; nil where nothing differs from the ground.
    public let places: [Place?]

    /// Follows what moves. The ground is the commonest colour along the edges of all frames.
    ///
    /// - Parameter threshold: how much a channel must differ from the ground, of 255
    public init(_ frames: [RGBImage], threshold: Int = 40) {
        let edges = frames.flatMap { frame in frame.edgePixels }
        let ground = (0..<3).map { channel -> Int in
            let values = edges.map { $0[channel] }.sorted()
            return values.isEmpty ? 0 : values[values.count / 2]
        }
        places = frames.map { frame in
            var (count, x, y) = (0.0, 0.0, 0.0)
            for row in 0..<frame.height {
                for column in 0..<frame.width {
                    let first = 3 * (row * frame.width + column)
                    let difference = (0..<3).map {
                        abs(Int(frame.pixels[first + $0]) - ground[$0])
                    }.max()
                    guard let difference, difference > threshold else { continue }
                    count += 1
                    x += Double(column) + 0.5
                    y += Double(row) + 0.5
                }
            }
            // A few pixels are the codec's.
            guard count * 500 > Double(frame.width * frame.height) else { return nil }
            return Place(
                x: x / count / Double(frame.width), y: y / count / Double(frame.height))
        }
    }
}

extension RGBImage {
    fileprivate var edgePixels: [[Int]] {
        (0..<height).flatMap { row -> [[Int]] in
            let columns =
                row == 0 || row == height - 1 ? Array(0..<width) : [0, width - 1]
            return columns.map { column in
                (0..<3).map { Int(pixels[3 * (row * width + column) + $0]) }
            }
        }
    }
}

/// How fast a melody or a movement is, as MelodyMini's world has it: four steps or eight.
public enum MelodyTempo: String, CaseIterable, Codable, Sendable {
    case slow, fast

    /// The tempo of a movement through a clip of eight frames or more: it is slow where things
    /// stand still every second time. Nil where nothing is seen in a frame.
    public init?(of track: MotionTrack) {
        let places = uniformIndices(8, of: track.places.count).compactMap { track.places[$0] }
        guard places.count == 8 else { return nil }
        // Two pixels of sixty-four.
        let still = zip(places, places.dropFirst()).count { abs($0.x - $1.x) < 2.0 / 64 }
        self = still >= 3 ? .slow : .fast
    }
}
