internal import CSouthFFmpeg

/// When each frame of a video is shown, and from where it can be decoded.
struct FrameIndex: Sendable {
    /// The times of all frames in the stream's units, ascending: frame `i` is shown at `times[i]`.
    let times: [Int64]
    /// The key frames, ascending.
    private let keys: [KeyFrame]

    private struct KeyFrame: Sendable {
        let shown: Int64
        /// The time to seek to.
        let place: Int64
    }

    /// Reads the index of a container of the MP4 family where it says it all: frames evenly
    /// spaced, none left out, all within the file. Nil elsewhere.
    ///
    /// The times are those of decoding; that frames are shown in the same even steps is seen from
    /// the first packets, and again whenever one is decoded.
    init?(evenlySpaced decoder: StreamDecoder, limit: Int) throws {
        let stream = decoder.stream
        let count = Int(avformat_index_get_entries_count(stream))
        guard decoder.isMP4, FrameIndex.countsPackets(of: decoder.codecID), (2...limit) ~= count
        else { return nil }
        let size = decoder.fileBytes
        var (step, before): (Int64, Int64) = (0, 0)
        var keys: [(index: Int, place: Int64)] = []
        for index in 0..<count {
            guard let entry = avformat_index_get_entry(stream, Int32(index))?.pointee else {
                return nil
            }
            let flags = Int32(entry.flags)
            if index == 1 { step = entry.timestamp &- before }
            guard flags & AVINDEX_DISCARD_FRAME == 0, entry.pos >= 0,
                entry.pos <= size - Int64(entry.size),
                index == 0 || (step > 0 && entry.timestamp &- before == step)
            else { return nil }
            if flags & AVINDEX_KEYFRAME != 0 { keys.append((index, entry.timestamp)) }
            before = entry.timestamp
        }
        var first: [Int64] = []
        try decoder.forEachPacket {
            first.append($0.pts)
            return first.count < 64
        }
        first.sort()
        // Those at the end of what was read may have frames between them that come later.
        guard first.count == min(count, 64), let start = first.first, start != south_no_pts(),
            zip(first.prefix(first.count / 2), 0...).allSatisfy({ $0 &- start == Int64($1) * step })
        else { return nil }
        times = (0..<count).map { start + Int64($0) * step }
        self.keys = keys.map { KeyFrame(shown: start + Int64($0.index) * step, place: $0.place) }
    }

    /// Reads on to the end of the file. Nil where packets have no times of their own, or a codec's
    /// packets are not its frames.
    init?(readingThrough decoder: StreamDecoder, limit: Int, file: String) throws {
        guard FrameIndex.countsPackets(of: decoder.codecID) else { return nil }
        var (times, keys): ([Int64], [KeyFrame]) = ([], [])
        var isComplete = true
        let none = south_no_pts()
        try decoder.forEachPacket { packet in
            // A packet of VP8 says in its first byte whether its frame is shown.
            let isHidden =
                decoder.codecID == AV_CODEC_ID_VP8 && packet.size > 0
                && packet.data[0] & 0x10 == 0
            guard packet.flags & AV_PKT_FLAG_DISCARD == 0, !isHidden else { return true }
            if packet.pts == none { isComplete = false }
            times.append(packet.pts)
            if packet.flags & AV_PKT_FLAG_KEY != 0 {
                let place = packet.dts == none ? packet.pts : packet.dts
                keys.append(KeyFrame(shown: packet.pts, place: place))
            }
            return times.count <= limit
        }
        guard times.count <= limit else {
            throw MediaError.tooLarge(
                file: file, what: "frames", found: times.count, limit: limit)
        }
        // Without times of their own, frames can still be counted.
        self.times = isComplete ? times.sorted() : times
        self.keys = isComplete ? keys.sorted { $0.shown < $1.shown } : []
    }

    /// Whether each packet of the codec is one frame: others have packets that show nothing, or
    /// two pictures in one.
    private static func countsPackets(of codec: AVCodecID) -> Bool {
        switch codec {
        case AV_CODEC_ID_H264, AV_CODEC_ID_HEVC, AV_CODEC_ID_AV1, AV_CODEC_ID_MJPEG,
            AV_CODEC_ID_VP9, AV_CODEC_ID_VP8:
            true
        default: false
        }
    }

    /// Whether frames can be found by their times.
    var canSeek: Bool {
        !keys.isEmpty && zip(times, times.dropFirst()).allSatisfy { $0 < $1 }
    }

    /// The last key frame that is shown no later than frame `index`, as a number among the key
    /// frames and as a time to seek to.
    func key(before index: Int) -> (number: Int, place: Int64)? {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle].shown <= times[index] { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? (low - 1, keys[low - 1].place) : nil
    }
}
