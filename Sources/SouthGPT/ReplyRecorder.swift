/// Collects a reply's segments, joining pieces of text.
struct ReplyRecorder {
    private(set) var segments: [Response.Segment] = []

    mutating func append(_ piece: String) {
        if case .text(let text) = segments.last {
            segments[segments.count - 1] = .text(text + piece)
        } else {
            segments.append(.text(piece))
        }
    }

    mutating func append(_ medium: GeneratedMedium) { segments.append(.medium(medium)) }

    /// The text before the next medium, which describes it.
    var caption: String {
        let text = segments.reversed().lazy.compactMap {
            if case .text(let text) = $0 { text } else { nil }
        }.first
        return (text ?? "").trimmingWhitespace
    }
}

extension String {
    /// Without white space at both ends.
    var trimmingWhitespace: String {
        var rest = self[...].drop(while: \.isWhitespace)
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
