import FoundationEssentials
import Yams

/// Settings from YAML (or JSON, which is YAML): files laid over one another, then decoded strictly.
///
/// Keys in files are `snake_case`, properties are `camelCase`; there are no coding keys. A key
/// that the decoded type does not ask for is an error that names the file it stands in.
package struct Settings {
    private(set) var root: Node.Mapping
    /// Which file or argument gave a key its value, by dotted path.
    private(set) var origins: [String: String] = [:]
    /// What an error names where no file is to blame for a key.
    let name: String

    /// The largest file that is read: settings are written by hand.
    private static let byteLimit = 4 << 20

    /// Reads a file.
    package init(contentsOf file: String) throws {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            throw SettingsError.unreadable(file: file, reason: "no such file, or no permission")
        }
        guard bytes.count <= Settings.byteLimit else {
            throw SettingsError.malformed(
                file: file, rule: "\(bytes.count) bytes, expected at most \(Settings.byteLimit)")
        }
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw SettingsError.malformed(file: file, rule: "not UTF-8 text")
        }
        try self.init(text, name: file)
    }

    /// Reads text; `name` is what errors call it.
    package init(_ text: String, name: String) throws {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            let reason = "\(error)".split(separator: "\n").joined(separator: " ")
            throw SettingsError.malformed(file: name, rule: "not YAML: \(reason)")
        }
        guard let mapping = (node ?? Node([(Node, Node)]())).mapping else {
            throw SettingsError.malformed(file: name, rule: "not a mapping of keys to values")
        }
        root = mapping
        self.name = name
        note(mapping, under: "", from: name)
    }

    private mutating func note(_ mapping: Node.Mapping, under path: String, from source: String) {
        for (key, value) in mapping {
            let path = joined(path, key.string ?? "")
            origins[path] = source
            if let inner = value.mapping { note(inner, under: path, from: source) }
        }
    }

    /// Lays `other` over these settings: its values win, mappings merge key by key.
    package mutating func overlay(_ other: Settings) {
        root = Settings.merged(root, other.root)
        origins.merge(other.origins) { _, new in new }
    }

    /// Lays `key.inner=value` over these settings; the value is read as YAML, nothing as null.
    package mutating func set(_ assignment: String) throws {
        let parts = assignment.split(
            separator: "=", maxSplits: 1, omittingEmptySubsequences: false
        ).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty else {
            throw SettingsError.malformed(
                file: "--set \(assignment)", rule: "expected key=value, as in seed=7")
        }
        var node: Node
        do {
            node = try Yams.compose(yaml: parts[1]) ?? Node("", Tag(.null))
        } catch {
            throw SettingsError.malformed(
                file: "--set \(assignment)", rule: "the value is not YAML")
        }
        for key in parts[0].split(separator: ".").reversed() {
            node = Node([(Node(String(key)), node)])
        }
        var layer = self
        layer.root = node.mapping ?? layer.root
        layer.origins = [:]
        layer.note(layer.root, under: "", from: "--set \(assignment)")
        overlay(layer)
    }

    /// Moves the keys of a mapping one level up, where they win, and removes the others named.
    ///
    /// - Parameter section: such as `train`, whose keys are those of the run's mode
    package mutating func hoist(_ section: String, dropping others: [String]) {
        let inner = root[section]?.mapping
        for name in [section] + others { root[name] = nil }
        guard let inner else { return }
        root = Settings.merged(root, inner)
        for (path, source) in origins where path.hasPrefix("\(section).") {
            origins[String(path.dropFirst(section.count + 1))] = source
        }
    }

    private static func merged(_ below: Node.Mapping, _ above: Node.Mapping) -> Node.Mapping {
        var result = below
        for (key, value) in above {
            if let inner = value.mapping, let under = result[key]?.mapping {
                result[key] = .mapping(merged(under, inner))
            } else {
                result[key] = value
            }
        }
        return result
    }

    /// The settings as `Value`; every key must be one that it asks for.
    package func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        let asked = AskedKeys()
        let decoder = NodeDecoder(
            node: .mapping(root), path: [], settings: self, asked: asked)
        let value = try Value(from: decoder)
        try check(.mapping(root), at: "", asked)
        return value
    }

    private func check(_ node: Node, at path: String, _ asked: AskedKeys) throws {
        for (index, inner) in (node.sequence.map(Array.init) ?? []).enumerated() {
            try check(inner, at: joined(path, "\(index)"), asked)
        }
        guard let mapping = node.mapping, let known = asked.keys[path] else { return }
        for (key, value) in mapping {
            let name = key.string ?? "?"
            guard known.contains(name) else {
                throw SettingsError.unknownKey(
                    key: joined(path, name), file: source(of: joined(path, name)),
                    nearest: nearest(to: name, among: known).map { joined(path, $0) },
                    valid: known.sorted())
            }
            try check(value, at: joined(path, name), asked)
        }
    }

    /// The file or argument that set this key, or that should have.
    func source(of path: String) -> String { origins[path] ?? name }

    /// The error of a value that its type allows and its meaning does not.
    package func badValue(_ key: String, found: String, expected: String) -> SettingsError {
        .badValue(key: key, file: source(of: key), found: found, expected: expected)
    }

    /// Refuses a value that its type allows and its meaning does not.
    ///
    /// - Throws: `SettingsError.badValue`
    package func require(
        _ holds: Bool, _ key: String, _ found: some Any, _ expected: String
    ) throws {
        guard holds else { throw badValue(key, found: "\(found)", expected: expected) }
    }

    /// Whether a key of the top level is there.
    package func has(_ key: String) -> Bool { root[key] != nil }

    /// Whether there is a file of that name.
    package static func isThere(_ file: String) -> Bool {
        FileManager.default.fileExists(atPath: file)
    }

    /// Every value by its dotted path, as text; lists on one line.
    package var values: [String: String] {
        var values: [String: String] = [:]
        func note(_ node: Node, _ path: String) {
            guard let mapping = node.mapping else {
                values[path] = Settings.line(node)
                return
            }
            for (key, value) in mapping { note(value, joined(path, key.string ?? "")) }
        }
        note(.mapping(root), "")
        return values
    }

    private static func line(_ node: Node) -> String {
        guard let list = node.sequence else { return node.scalar?.string ?? "{…}" }
        return "[\(list.map(line).joined(separator: ", "))]"
    }

    /// The settings as a file of YAML.
    package var text: String {
        get throws { try Yams.serialize(node: .mapping(root), width: 100, sortKeys: true) }
    }
}

/// `key` in the mapping at `path`, as a dotted path.
func joined(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

/// `warmupRate` as a file writes it, `warmup_rate`.
func snakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
        if character.isUppercase, !result.isEmpty { result.append("_") }
        result += character.lowercased()
    }
    return result
}
