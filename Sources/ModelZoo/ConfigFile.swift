import FoundationEssentials

/// Reading and writing the JSON files that describe networks, whose keys are our property names in
/// snake case. Keys that a type does not have are ignored, as every release adds some.
public enum ConfigFile {
    /// Descriptions are small; anything larger is something else.
    private static let largest = 16 << 20

    /// - Throws: `ConfigError.missing`, `ConfigError.malformed`
    public static func read<Config: Decodable>(
        _ type: Config.Type = Config.self, from path: String
    ) throws -> Config {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigError.missing(file: path)
        }
        guard data.count <= largest else {
            throw ConfigError.malformed(
                file: path, reason: "has \(data.count) bytes, at most \(largest) are read")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(type, from: data)
        } catch {
            throw ConfigError.malformed(file: path, reason: reason(of: error))
        }
    }

    /// Writes a description with sorted keys; a whole file or none.
    ///
    /// - Throws: `ConfigError.unwritable`
    public static func write(_ config: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try encoder.encode(config).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw ConfigError.unwritable(file: path, reason: "\(error)")
        }
    }

    /// What is wrong, in a few words.
    private static func reason(of error: any Error) -> String {
        func place(_ context: DecodingError.Context) -> String {
            context.codingPath.map(written).joined(separator: ".")
        }
        return switch error as? DecodingError {
        case .keyNotFound(let key, _): "lacks the key '\(written(key))'"
        case .typeMismatch(_, let context): "has the wrong kind of value at '\(place(context))'"
        case .valueNotFound(_, let context): "has no value at '\(place(context))'"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "has a value at '\(place(context))' that is not known"
        default: "is not valid JSON"
        }
    }

    /// A key as it stands in the file.
    private static func written(_ key: any CodingKey) -> String {
        key.stringValue.reduce(into: "") { text, letter in
            text += letter.isUppercase ? "_\(letter.lowercased())" : "\(letter)"
        }
    }
}
