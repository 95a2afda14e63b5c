import ModelZoo

/// The names under which the published datasets and their later releases keep things.
enum SourceKeys {
    static let caption = ["caption", "text"]
    static let turns = ["conversation", "conversations"]

    /// Where the name of a medium may stand, the most particular first.
    static func name(of modality: Modality) -> [String] {
        ["\(modality.rawValue)_name", modality.rawValue, "mm_name", "file_name"]
    }

    /// Where a T-T+X dialogue's name may stand: `mm_name` first, as the first release has it.
    static let anyName = ["mm_name", "audio_name", "video_name", "image_name"]

    /// Names that tell a table's first row from its data.
    static let columns = [
        "caption", "text", "url", "image_name", "video_name", "audio_name", "videoid",
        "contentUrl", "audiocap_id", "youtube_id", "mm_name", "file_name", "image", "video",
        "audio", "instruction",
    ]

    static let endings: [Modality: [String]] = [
        .image: ["jpg", "jpeg", "png", "webp"], .audio: ["wav", "flac", "ogg", "mp3", "m4a"],
        .video: ["mp4", "webm", "mov", "avi", "mkv", "gif"],
    ]
}

/// The last part of a path.
func baseName(_ name: String) -> String {
    name.split(separator: "/").last.map(String.init) ?? name
}
