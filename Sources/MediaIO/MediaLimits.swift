/// How much of an untrusted file is accepted. Headers are held against it before anything of that
/// size is allocated.
public struct MediaLimits: Codable, Equatable, Sendable {
    /// Pixels of one picture or video frame.
    public var pixels: Int
    /// Length of a sound or clip.
    public var seconds: Double
    /// Samples of a sound, all channels together.
    public var samples: Int
    /// Frames of a clip.
    public var frames: Int
    /// Bytes of the file itself.
    public var fileBytes: Int
    /// Channels of a sound.
    public var channels: Int
    /// Samples a second of each channel.
    public var sampleRate: Int

    /// Limits that fit a photo, an hour of music and an hour of video on a small machine.
    public init(
        pixels: Int = 100_000_000, seconds: Double = 3_600, samples: Int = 400_000_000,
        frames: Int = 250_000, fileBytes: Int = 4_294_967_296, channels: Int = 64,
        sampleRate: Int = 768_000
    ) {
        self.pixels = pixels
        self.seconds = seconds
        self.samples = samples
        self.frames = frames
        self.fileBytes = fileBytes
        self.channels = channels
        self.sampleRate = sampleRate
    }

    /// Throws unless a picture of this size may be held.
    func admit(width: Int, height: Int, file: String) throws {
        guard width > 0, height > 0 else {
            throw MediaError.malformed(file: file, reason: "a picture of \(width) × \(height)")
        }
        let (count, overflow) = width.multipliedReportingOverflow(by: height)
        guard !overflow, count <= pixels else {
            throw MediaError.tooLarge(
                file: file, what: "pixels", found: overflow ? .max : count, limit: pixels)
        }
    }

    /// Throws unless a recording of this length may be held.
    func admit(seconds found: Double, file: String) throws {
        // Clip times are fixed-point numbers below 2²⁰ s.
        let seconds = min(seconds, 1_000_000)
        guard found >= 0, found <= seconds else {
            throw MediaError.tooLarge(
                file: file, what: "seconds", found: found >= 0 ? Int(min(found, 1e15)) : 0,
                limit: Int(seconds))
        }
    }

    /// Throws unless a sound of this form may be read.
    func admit(channels found: Int, sampleRate rate: Int, file: String) throws {
        guard found > 0, rate > 0 else {
            throw MediaError.malformed(file: file, reason: "\(found) channels at \(rate) Hz")
        }
        guard found <= channels else {
            throw MediaError.tooLarge(file: file, what: "channels", found: found, limit: channels)
        }
        guard rate <= sampleRate else {
            throw MediaError.tooLarge(
                file: file, what: "samples a second", found: rate, limit: sampleRate)
        }
    }

    /// Throws unless so many samples, all channels together, may be held.
    func admit(samples found: Int, file: String) throws {
        guard found <= samples else {
            throw MediaError.tooLarge(file: file, what: "samples", found: found, limit: samples)
        }
    }

    /// Throws unless a clip of so many frames may be read.
    func admit(frames found: Int, file: String) throws {
        guard found <= frames else {
            throw MediaError.tooLarge(file: file, what: "frames", found: found, limit: frames)
        }
    }
}
