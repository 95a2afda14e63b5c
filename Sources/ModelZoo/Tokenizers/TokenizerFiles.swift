import Foundation

// Reading and writing the files of a tokenizer's folder, with every limit checked first.

enum TokenizerFiles {
    /// No published tokenizer file comes near this size.
    static let largestFile = 64 << 20
    /// Ids above this are a damaged file: the tables they index are arrays.
    static let largestID = 1 << 22
    /// Vocabularies have few gaps, and no file makes us hold many more ids than it has tokens.
    static func largestID(of tokens: Int) -> Int { min(largestID, 65_536 + 16 * tokens) }
    /// Bytes of a token that is looked for at every place of a text.
    static let longestToken = 1024

    static func tooLong(token id: Int, _ text: String) -> String {
        "token \(id) has \(text.utf8.count) bytes, expected at most \(longestToken)"
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        let size: Int
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard attributes[.type] as? FileAttributeType != .typeDirectory else {
                throw TokenizerError.unreadable(file: path, reason: "it is a folder")
            }
            size = (attributes[.size] as? NSNumber)?.intValue ?? .max
        } catch let error as TokenizerError {
            throw error
        } catch {
            throw TokenizerError.unreadable(file: path, reason: "no such file")
        }
        guard size <= largestFile else {
            throw TokenizerError.malformed(
                file: path, rule: "\(size) bytes, expected at most \(largestFile)")
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TokenizerError.unreadable(file: path, reason: "permission denied")
        }
        return [UInt8](data)
    }

    static func json<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        let data = Data(try bytes(path))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(type, from: data)
        } catch DecodingError.dataCorrupted {
            throw TokenizerError.malformed(file: path, rule: "no valid JSON")
        } catch DecodingError.typeMismatch(let expected, let context),
            DecodingError.valueNotFound(let expected, let context)
        {
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw TokenizerError.malformed(
                file: path,
                rule: place.isEmpty
                    ? "expected \(expected) at the top" : "'\(place)' is no \(expected)")
        } catch {
            throw TokenizerError.malformed(file: path, rule: "unexpected JSON")
        }
    }

    static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
        do {
            try Data(bytes).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw TokenizerError.unwritable(file: path, reason: "\(error)")
        }
    }

    static func write(json value: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try write(encoder.encode(value) + [10], to: path)
        } catch let error as EncodingError {
            throw TokenizerError.unwritable(file: path, reason: "\(error)")
        }
    }
}
