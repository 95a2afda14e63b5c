import FoundationEssentials

/// The keys that clients may send, each with the name of who has it.
public struct APIKeys: Equatable, Sendable {
    private struct Entry: Equatable {
        let name: String
        let key: String
    }

    private let entries: [Entry]

    /// The keys of a file, one a line: the key alone, or a name and the key. Empty lines and those
    /// that begin with `#` do not count.
    ///
    /// - Throws: `ServerError.keys`
    public init(contentsOf file: String) throws {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw ServerError.keys(file: file, problem: "cannot be read")
        }
        try self.init(String(decoding: bytes, as: UTF8.self), file: file)
    }

    /// The keys of a file's text.
    ///
    /// - Throws: `ServerError.keys`, which names no key
    public init(_ text: String, file: String) throws {
        var entries: [Entry] = []
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let key = words.last, !words[0].hasPrefix("#") else { continue }
            func refuse(_ problem: String) -> ServerError {
                .keys(file: file, problem: "has in line \(index + 1) \(problem)")
            }
            guard words.count <= 2 else {
                throw refuse("\(words.count) words, expected a key, or a name and a key")
            }
            guard !entries.contains(where: { $0.key == key }) else {
                throw refuse("a key that an earlier line has")
            }
            let name = words.count == 2 ? words[0] : "key \(entries.count + 1)"
            guard !entries.contains(where: { $0.name == name }) else {
                throw refuse("a name that an earlier line has")
            }
            entries.append(Entry(name: name, key: key))
        }
        guard !entries.isEmpty else { throw ServerError.keys(file: file, problem: "has no key") }
        self.entries = entries
    }

    /// Whose key a request carries; nil for none of these.
    ///
    /// Takes as long wherever the texts differ, and whichever key it is.
    func owner(_ call: Call) -> String? {
        let sent = call.headers["authorization"] ?? ""
        var owner: String?
        for entry in entries where APIKeys.isSame(sent, "Bearer \(entry.key)") {
            owner = entry.name
        }
        return owner
    }

    private static func isSame(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
