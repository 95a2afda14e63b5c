internal import CSouthFFmpeg

/// A video that is open: its measures, and the frames one asks for.
final class VideoReader {
    let path: String
    let frameCount: Int
    let framesPerSecond: Double
    /// Pixels of a stored frame.
    let (width, height): (Int, Int)
    let turn: Turn
    private let limits: MediaLimits
    private let index: FrameIndex?
    private var decoder: StreamDecoder

    /// Opens a container and counts its frames: what it claims may be missing or wrong.
    ///
    /// - Throws: `MediaError`
    init(_ path: String, limits: MediaLimits) throws {
        decoder = try StreamDecoder(path, kind: AVMEDIA_TYPE_VIDEO, limits: limits)
        let (stream, parameters) = (decoder.stream.pointee, decoder.stream.pointee.codecpar.pointee)
        if let seconds = decoder.claimedDuration { try limits.admit(seconds: seconds, file: path) }
        try limits.admit(frames: Int(clamping: stream.nb_frames), file: path)
        let claimed = decoder.claimedDuration
        if let index = try FrameIndex(evenlySpaced: decoder, limit: limits.frames) {
            self.index = index
        } else {
            decoder = try StreamDecoder(path, kind: AVMEDIA_TYPE_VIDEO, limits: limits)
            index = try FrameIndex(readingThrough: decoder, limit: limits.frames, file: path)
        }
        let count = try index?.times.count ?? VideoReader.countFrames(decoder, limits, path)
        guard count > 0 else { throw MediaError.empty(file: path, what: "frames") }
        // The stream's numbers may be better known after reading.
        let known = decoder.stream.pointee
        let rates = [
            av_q2d(stream.avg_frame_rate), av_q2d(known.avg_frame_rate),
            av_q2d(stream.r_frame_rate), claimed.map { Double(count) / $0 } ?? 0,
        ]
        guard let rate = rates.first(where: { $0.isFinite && $0 > 0 }) else {
            throw MediaError.malformed(file: path, reason: "it has no frame rate")
        }
        (self.path, self.limits) = (path, limits)
        (frameCount, framesPerSecond) = (count, rate)
        (width, height) = (Int(parameters.width), Int(parameters.height))
        turn = decoder.turn
        try limits.admit(seconds: Double(count) / rate, file: path)
    }

    private static func countFrames(
        _ decoder: StreamDecoder, _ limits: MediaLimits, _ path: String
    ) throws -> Int {
        var count = 0
        while try decoder.nextFrame() != nil {
            count += 1
            try limits.admit(frames: count, file: path)
        }
        return count
    }

    /// Frames by index from 0, in any order and repeated at will. Only the wanted ones are
    /// converted and kept.
    ///
    /// - Throws: `MediaError`
    func frames(_ indices: [Int], orientation: MediaOrientation) throws -> [RGBImage] {
        precondition(
            indices.allSatisfy { (0..<frameCount).contains($0) },
            "frames: \(indices) of \(frameCount)")
        let wanted = Set(indices).sorted()
        let bytes = wanted.count.multipliedReportingOverflow(by: width * height)
        guard !bytes.overflow, bytes.partialValue <= max(limits.pixels, width * height) * 16 else {
            throw MediaError.tooLarge(
                file: path, what: "pixels in the frames asked for",
                found: bytes.overflow ? .max : bytes.partialValue, limit: limits.pixels * 16)
        }
        let found = try framesBySeeking(wanted) ?? framesInOrder(wanted)
        return try indices.map { index in
            guard let image = found[index] else {
                throw MediaError.truncated(
                    file: path, reason: "frame \(index) of \(frameCount) is not there")
            }
            return orientation == .stored ? image : image.turned(turn)
        }
    }

    /// The frames, each decoded from the key frame before it; nil where one is not where the index
    /// has it.
    private func framesBySeeking(_ wanted: [Int]) throws -> [Int: RGBImage]? {
        guard let index, index.canSeek else { return nil }
        let skips = [AV_CODEC_ID_H264, AV_CODEC_ID_HEVC].contains(decoder.codecID)
        var found: [Int: RGBImage] = [:]
        var rest = wanted[...]
        while let first = rest.first {
            guard let key = index.key(before: first), decoder.seek(to: key.place) else {
                return nil
            }
            // All that the same key frame serves.
            let group = rest.prefix { index.key(before: $0)?.number == key.number }
            rest = rest.dropFirst(group.count)
            let numbers = Dictionary(uniqueKeysWithValues: group.map { (index.times[$0], $0) })
            let last = group.last.map { index.times[$0] } ?? 0
            let before = found.count
            var (isFirst, beyond) = (true, 0)
            while found.count < before + group.count {
                let next = try decoder.nextFrame(
                    wanted: skips ? { numbers[$0] != nil } : nil)
                guard let frame = next else { return nil }
                let time = frame.pointee.best_effort_timestamp
                if isFirst, time > index.times[first] { return nil }
                isFirst = false
                if let number = numbers[time] { found[number] = try picture(frame) }
                // Frames come in order but for those that wait for others.
                if time > last { beyond += 1 }
                if beyond > 64 { return nil }
            }
        }
        return found
    }

    /// The frames, decoded from the start to the last one wanted.
    private func framesInOrder(_ wanted: [Int]) throws -> [Int: RGBImage] {
        decoder = try StreamDecoder(path, kind: AVMEDIA_TYPE_VIDEO, limits: limits)
        let numbers = Set(wanted)
        var found: [Int: RGBImage] = [:]
        var index = 0
        while found.count < numbers.count, let frame = try decoder.nextFrame() {
            if numbers.contains(index) { found[index] = try picture(frame) }
            index += 1
        }
        return found
    }

    private func picture(_ frame: UnsafeMutablePointer<AVFrame>) throws -> RGBImage {
        let (width, height) = (Int(frame.pointee.width), Int(frame.pointee.height))
        guard width == self.width, height == self.height else {
            throw MediaError.malformed(
                file: path,
                reason: "a frame of \(width) × \(height) in a clip of "
                    + "\(self.width) × \(self.height)")
        }
        guard let image = RGBImage(frame) else {
            throw MediaError.unsupported(
                file: path, what: "its pixel format", mend: "Convert it to H.264 in MP4.")
        }
        return image
    }
}
