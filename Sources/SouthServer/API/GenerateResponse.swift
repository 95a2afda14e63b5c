/// The answer to one request: what was generated, in the order in which it was.
public struct GenerateResponse: Codable, Equatable, Sendable {
    /// A piece of the answer: text, or a medium by its name in the media folder.
    public struct Segment: Codable, Equatable, Sendable {
        public var modality: AnswerPart
        /// The words, or the words that a medium was made from.
        public var text: String
        /// The file's name; absent for text.
        public var media: String?

        public init(modality: AnswerPart, text: String, media: String? = nil) {
            self.modality = modality
            self.text = text
            self.media = media
        }
    }

    /// All words of the answer.
    public var text: String
    /// Words and media in order.
    public var segments: [Segment]
    /// Keys of the request that have no effect.
    public var ignored: [String]

    /// The answer made of `segments`.
    public init(segments: [Segment], ignored: [String] = []) {
        self.segments = segments
        self.ignored = ignored
        text = segments.filter { $0.modality == .text }.map(\.text).joined()
    }
}
