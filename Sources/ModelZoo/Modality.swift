/// What a message part is made of, and what a decoder makes.
public enum Modality: String, Codable, CaseIterable, Sendable {
    case text, image, audio, video

    /// Everything but text, in the order in which the signal tokens are numbered.
    public static let media: [Modality] = [.image, .video, .audio]
}
