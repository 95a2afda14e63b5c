import Yams

/// The keys that a type asked for in each mapping, by the mapping's dotted path.
final class AskedKeys {
    var keys: [String: Set<String>] = [:]
}

/// Decodes one node of YAML and writes down which keys were asked for.
struct NodeDecoder: Decoder {
    let node: Node
    let path: [String]
    let settings: Settings
    let asked: AskedKeys

    var codingPath: [any CodingKey] { path.map { NamedKey($0) } }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    var location: String { path.joined(separator: ".") }

    func inner(_ node: Node, _ key: String) -> NodeDecoder {
        NodeDecoder(node: node, path: path + [key], settings: settings, asked: asked)
    }

    func wrong(_ expected: String) -> SettingsError {
        let found = node.string.map { "'\($0)'" } ?? (node.sequence == nil ? "a mapping" : "a list")
        return .badValue(
            key: location, file: settings.source(of: location), found: found, expected: expected)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let mapping = node.mapping else { throw wrong("a mapping of keys to values") }
        if asked.keys[location] == nil { asked.keys[location] = [] }
        return KeyedDecodingContainer(Keyed<Key>(decoder: self, mapping: mapping))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let sequence = node.sequence else { throw wrong("a list") }
        return Unkeyed(decoder: self, nodes: Array(sequence))
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    /// One value: scalars are read here, so that errors are ours; the rest decodes itself.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let scalar: (any Decodable)?
        let expected: String
        switch type {
        case is Bool.Type: (scalar, expected) = (node.bool, "true or false")
        case is String.Type: (scalar, expected) = (node.scalar?.string, "text")
        case is Int.Type: (scalar, expected) = (node.int, "a whole number")
        case is UInt64.Type: (scalar, expected) = (node.int.flatMap(UInt64.init), "0 or more")
        case is Double.Type: (scalar, expected) = (node.float, "a number")
        case is Float.Type: (scalar, expected) = (node.float.map { Float($0) }, "a number")
        default:
            do {
                return try Value(from: self)
            } catch let error as DecodingError {
                // Raw values of enumerations complain in words of their own.
                if case .dataCorrupted(let context) = error {
                    throw wrong("a valid name (\(context.debugDescription))")
                }
                throw wrong("\(Value.self)")
            }
        }
        guard let value = scalar as? Value else { throw wrong(expected) }
        return value
    }
}

/// A key that is only a name.
private struct NamedKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}

private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: NodeDecoder
    let mapping: Node.Mapping

    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { mapping.keys.compactMap { $0.string.flatMap(Key.init(stringValue:)) } }

    private func name(_ key: Key) -> String {
        let snake = snakeCase(key.stringValue)
        // The keys of a table of names are no properties and stay as they are written.
        let isVerbatim = mapping[snake] == nil && mapping[key.stringValue] != nil
        let name = isVerbatim ? key.stringValue : snake
        decoder.asked.keys[decoder.location, default: []].insert(name)
        return name
    }

    private func value(_ key: Key) throws -> NodeDecoder {
        let name = name(key)
        guard let node = mapping[name] else {
            throw SettingsError.missingKey(
                key: joined(decoder.location, name), file: decoder.settings.name)
        }
        return decoder.inner(node, name)
    }

    func contains(_ key: Key) -> Bool { mapping[name(key)] != nil }

    func decodeNil(forKey key: Key) throws -> Bool {
        try value(key).node.scalar.map { $0.string == "null" || $0.string.isEmpty } ?? false
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try value(key).decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try value(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try value(key).unkeyedContainer()
    }

    func superDecoder() -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try value(key) }
}

private struct Unkeyed: UnkeyedDecodingContainer {
    let decoder: NodeDecoder
    let nodes: [Node]
    var currentIndex = 0

    init(decoder: NodeDecoder, nodes: [Node]) {
        self.decoder = decoder
        self.nodes = nodes
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { nodes.count }
    var isAtEnd: Bool { currentIndex == nodes.count }

    private mutating func next() throws -> NodeDecoder {
        guard !isAtEnd else { throw decoder.wrong("more than \(nodes.count) entries") }
        defer { currentIndex += 1 }
        return decoder.inner(nodes[currentIndex], "\(currentIndex)")
    }

    mutating func decodeNil() throws -> Bool { false }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try next().decode(type)
    }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try next().container(keyedBy: type) }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try next().unkeyedContainer()
    }
    mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct Single: SingleValueDecodingContainer {
    let decoder: NodeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }
    func decodeNil() -> Bool { decoder.node.scalar?.string == "null" }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try decoder.decode(type)
    }
}
