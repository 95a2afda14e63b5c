import TensorCore

/// Why a network cannot be built from its configuration.
public enum ConfigError: Error, Equatable {
    /// The description is not there.
    case missing(file: String)
    /// The description cannot be understood.
    case malformed(file: String, reason: String)
    /// The description is another network's.
    case otherNetwork(file: String, found: String, expected: [String])
    /// The description could not be written.
    case unwritable(file: String, reason: String)
    /// A key holds a value that this network does not implement, or that cannot be.
    case unsupported(config: String, key: String, found: String, expected: String)
}

extension ConfigError: CustomStringConvertible {
    /// One line: which configuration, which key, what it says, what it may say.
    public var description: String { text.onOneLine }

    private var text: String {
        switch self {
        case .missing(let file):
            "\(file): no such file. Is the folder complete?"
        case .malformed(let file, let reason):
            "\(file): \(reason). Is the file whole, and of this release?"
        case .otherNetwork(let file, let found, let expected):
            "\(file): describes a network of the kind '\(found)', expected "
                + "\(expected.joined(separator: " or ")). Give the folder of such a model."
        case .unwritable(let file, let reason):
            "\(file): cannot be written: \(reason). Is there room, and may you write there?"
        case .unsupported(let config, let key, let found, let expected):
            "config.json of the \(config): '\(key)' is \(found), expected \(expected). "
                + "Is it the file of a supported release?"
        }
    }
}

extension ConfigError {
    /// Throws unless `found` is one of `expected`.
    package static func require<Value: Equatable>(
        _ config: String, _ key: String, _ found: Value, in expected: [Value]
    ) throws {
        guard !expected.contains(found) else { return }
        throw ConfigError.unsupported(
            config: config, key: key, found: "\(found)",
            expected: expected.map { "\($0)" }.joined(separator: " or "))
    }

    /// Throws unless `found` lies in `range`: for sizes, before anything is allocated.
    package static func require(
        _ config: String, _ key: String, _ found: Int, in range: ClosedRange<Int>
    ) throws {
        guard !range.contains(found) else { return }
        throw ConfigError.unsupported(
            config: config, key: key, found: "\(found)",
            expected: "\(range.lowerBound) to \(range.upperBound)")
    }

    /// Throws unless `found` is a positive multiple of `divisor`.
    package static func require(
        _ config: String, _ key: String, _ found: Int, multipleOf divisor: Int
    ) throws {
        guard found <= 0 || divisor <= 0 || found % divisor != 0 else { return }
        throw ConfigError.unsupported(
            config: config, key: key, found: "\(found)",
            expected: "a positive multiple of \(divisor)")
    }

    /// Throws unless every size is positive and so small that no product of three overflows.
    package static func require(_ config: String, sizes: KeyValuePairs<String, Int>) throws {
        for (key, found) in sizes { try require(config, key, found, in: 1...(1 << 20)) }
    }
}
