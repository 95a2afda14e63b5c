package import TensorCore

/// One record of a dataset's file: named values, and where it stands.
package struct Record: Sendable {
    /// Where it stands.
    package let place: RecordPlace
    /// Its values by name.
    package let fields: [String: OrderedJSON]
    /// The files that an archive holds for it, by their ending.
    package let members: [String: ArchiveMember]
    let limits: RecordLimits

    init(
        place: RecordPlace, fields: [String: OrderedJSON],
        members: [String: ArchiveMember] = [:], limits: RecordLimits
    ) {
        (self.place, self.fields, self.members, self.limits) = (place, fields, members, limits)
    }

    /// Reads an object from its JSON.
    ///
    /// - Throws: `DatasetError.badRecord` for anything but an object, and for names that come twice
    init(json: [UInt8], place: RecordPlace, limits: RecordLimits) throws {
        self.init(place: place, fields: try Record.parse(json, place, limits), limits: limits)
    }

    static func parse(
        _ json: [UInt8], _ place: RecordPlace, _ limits: RecordLimits
    ) throws -> [String: OrderedJSON] {
        let value: OrderedJSON
        do {
            value = try json.withUnsafeBytes { try OrderedJSON($0, depth: limits.depth) }
        } catch let failure as OrderedJSON.Failure {
            throw DatasetError.badRecord(
                place, found: "\(failure.reason), at byte \(failure.offset) of it",
                expected: "a JSON object", mend: "Mend or remove the record.")
        }
        guard case .object(let members) = value else {
            throw DatasetError.badRecord(
                place, found: value.kind, expected: "an object", mend: "Mend or remove the record.")
        }
        if let name = value.repeatedName {
            throw DatasetError.badRecord(
                place, found: "'\(excerpt(name))' twice", expected: "each name once",
                mend: "Remove one of the two.")
        }
        return Dictionary(
            members.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// An error about this record.
    func fault(_ found: String, expected: String, mend: String = "") -> DatasetError {
        .badRecord(
            place, found: found, expected: expected,
            mend: mend.isEmpty ? "Mend or remove the record." : mend)
    }

    /// The first of those names that has a value other than null, and the value.
    func first(_ names: [String], in object: OrderedJSON? = nil) -> (String, OrderedJSON)? {
        for name in names {
            if let value = object.map({ $0[name] }) ?? fields[name], value != .null {
                return (name, value)
            }
        }
        return nil
    }

    /// The text under the first of those names that is there; nil where none is.
    ///
    /// - Throws: `DatasetError.badRecord` where it is no text, or too long a one
    func text(_ names: [String], in object: OrderedJSON? = nil) throws -> String? {
        guard let (name, value) = first(names, in: object) else { return nil }
        return try text(value, called: name)
    }

    /// The text under the first of those names that is there.
    func requiredText(_ names: [String], in object: OrderedJSON? = nil) throws -> String {
        guard let text = try text(names, in: object) else {
            let listed = names.map { "'\($0)'" }.joined(separator: " or ")
            throw fault("no \(listed)", expected: "a text there")
        }
        return text
    }

    /// A value as text; whole numbers are names in some releases.
    func text(_ value: OrderedJSON, called name: String) throws -> String {
        let text: String
        switch value {
        case .string(let string): text = string
        case .integer(let integer): text = String(integer)
        default: throw fault("\(value.kind) under '\(name)'", expected: "a text")
        }
        // Bytes bound the characters, and are had at once.
        guard
            text.utf8.count <= limits.textLength || text.unicodeScalars.count <= limits.textLength
        else {
            throw fault(
                "\(text.utf8.count) bytes of text under '\(name)'",
                expected: "at most \(limits.textLength) characters")
        }
        return text
    }

    /// The array under the first of those names; nil where none is there.
    func array(_ names: [String]) throws -> [OrderedJSON]? {
        guard let (name, value) = first(names) else { return nil }
        guard case .array(let values) = value else {
            throw fault("\(value.kind) under '\(name)'", expected: "a list")
        }
        return values
    }
}

extension OrderedJSON {
    /// A word for what it is.
    var kind: String {
        switch self {
        case .object: "an object"
        case .array: "a list"
        case .string(let text): "the text '\(excerpt(text, limit: 30))'"
        case .integer(let integer): "the number \(integer)"
        case .real(let real): "the number \(real)"
        case .bool(let bool): "\(bool)"
        case .null: "null"
        }
    }

    /// A name that some object within has twice: readers differ in which they believe.
    fileprivate var repeatedName: String? {
        switch self {
        case .object(let members):
            var seen: Set<String> = []
            for member in members where !seen.insert(member.name).inserted { return member.name }
            return members.lazy.compactMap(\.value.repeatedName).first
        case .array(let values): return values.lazy.compactMap(\.repeatedName).first
        default: return nil
        }
    }
}
