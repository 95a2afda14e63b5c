/// Why a file of settings was refused. The text names the file, the key and what to do.
public enum SettingsError: Error, Equatable {
    /// The file does not exist or cannot be read.
    case unreadable(file: String, reason: String)
    /// The file is not YAML, or not a mapping at its top.
    case malformed(file: String, rule: String)
    /// A key that nothing reads.
    case unknownKey(key: String, file: String, nearest: String?, valid: [String])
    /// A key without which nothing can start.
    case missingKey(key: String, file: String)
    /// A value of the wrong kind, or out of range.
    case badValue(key: String, file: String, found: String, expected: String)
    /// A name that the catalog does not have.
    case unknownDataset(name: String, file: String, valid: [String])
}

extension SettingsError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason). Is the path right?"
        case .malformed(let file, let rule):
            "\(file): \(rule)."
        case .unknownKey(let key, let file, let nearest?, _):
            "\(file): unknown key '\(key)'; did you mean '\(nearest)'?"
        case .unknownKey(let key, let file, nil, let valid):
            "\(file): unknown key '\(key)'; valid here: \(valid.joined(separator: ", "))."
        case .missingKey(let key, let file):
            "\(file): '\(key)' is missing. Copy its line from Configs/."
        case .badValue(let key, let file, let found, let expected):
            "\(file): '\(key)' is \(found), expected \(expected)."
        case .unknownDataset(let name, let file, let valid):
            "\(file): no dataset '\(name)'; valid names: \(valid.joined(separator: ", "))."
        }
    }
}

/// The candidate that needs the fewest edits to become `word`, unless it would need too many to be
/// what was meant.
package func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    let ranked = candidates.map { (distance: editDistance(word, $0), candidate: $0) }
    let best = ranked.min { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }
    return best.flatMap { $0.distance <= max(2, word.count / 3) ? $0.candidate : nil }
}

/// Insertions, deletions and replacements from `a` to `b` (Levenshtein).
private func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for i in a.indices {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let replaced = diagonal + (a[i] == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
        }
    }
    return row[b.count]
}
