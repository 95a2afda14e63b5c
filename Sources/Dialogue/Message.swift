public import ModelZoo

/// Who speaks.
public enum Role: String, Sendable, Codable {
    case human, assistant
}

/// A piece of a message, in reading order. Text is only ever text: nothing typed by a user can
/// become a medium or a signal.
public enum Part: Sendable, Equatable {
    case text(String)
    /// A medium that the model reads; the name is the caller's and means nothing here.
    case medium(Modality, name: String)
    /// The span of signal tokens that asks for a medium.
    case signal(Modality)
}

/// One turn of a dialogue.
public struct Message: Sendable, Equatable {
    public var role: Role
    public var parts: [Part]

    /// A turn of several parts.
    public init(_ role: Role, _ parts: [Part]) {
        self.role = role
        self.parts = parts
    }

    /// A turn of text alone.
    public init(_ role: Role, _ text: String) { self.init(role, [.text(text)]) }

    /// The text of the turn, its pieces joined.
    public var text: String {
        parts.map { if case .text(let text) = $0 { text } else { "" } }.joined()
    }
}
