import MediaIO
public import ModelZoo

/// What a judge looks at, and what it is asked.
public struct JudgeConfig: Codable, Equatable, Sendable {
    /// Pictures, sounds or clips.
    public var modality: Modality
    /// Pixels of a side, of pictures and of the frames of clips.
    public var size: Int
    /// Frames of a clip, spread evenly over it.
    public var frames: Int
    /// Length of a sound; longer ones are cut, shorter ones end in silence.
    public var seconds: Double
    /// Channels of the convolutions, each of which halves what it sees.
    public var channels: [Int]
    /// Numbers that stand for a frame, and for the whole.
    public var frameFeatures: Int
    public var features: Int
    /// What is asked.
    public var slots: [Slots.Slot]

    /// Sizes that learn a small world in minutes.
    public init(
        _ modality: Modality, slots: Slots, size: Int = 64, frames: Int = 8, seconds: Double = 2
    ) {
        (self.modality, self.slots) = (modality, slots.all)
        (self.size, self.frames, self.seconds) = (size, frames, seconds)
        channels = [24, 48, 64, 64]
        (frameFeatures, features) = (64, 64)
    }

    /// The spectrogram that sounds are judged by.
    var mel: MelSpectrogram { MelSpectrogram() }

    /// Frames of that spectrogram.
    var melFrames: Int { Int(seconds * Double(mel.sampleRate)) / mel.hop }

    /// What the convolutions see of one frame: channels, rows, columns.
    var picture: (channels: Int, height: Int, width: Int) {
        modality == .audio ? (1, melFrames, mel.melBins) : (3, size, size)
    }

    /// Frames of one medium.
    var frameCount: Int { modality == .video ? frames : 1 }

    /// - Throws: `ConfigError.malformed` where the sizes are none
    func check(_ file: String) throws {
        let sizes = [size, frames, frameFeatures, features] + channels
        guard sizes.allSatisfy({ (1...4096).contains($0) }), (1...12).contains(channels.count),
            seconds > 0.1, seconds <= 600, !slots.isEmpty, slots.count <= 64,
            slots.allSatisfy({ (2...4096).contains($0.values.count) }),
            channels.allSatisfy({ $0.isMultiple(of: JudgeNetwork.groups) })
        else { throw ConfigError.malformed(file: file, reason: "has sizes that no judge has") }
    }
}
