/// A medium that the system hears, sees and makes beside text.
public enum Modality: String, CaseIterable, Codable, Sendable {
    case image, audio, video

    /// The order in which the published signal tokens are numbered.
    public static let signalOrder: [Modality] = [.image, .video, .audio]

    /// What its signal tokens begin with: `[IMG0]`, `[AUD0]`, `[VID0]`.
    public var signalStem: String {
        switch self {
        case .image: "IMG"
        case .audio: "AUD"
        case .video: "VID"
        }
    }

    /// The file that a generated medium is written to, without the dot.
    public var fileExtension: String {
        switch self {
        case .image: "png"
        case .audio: "wav"
        case .video: "mp4"
        }
    }
}
