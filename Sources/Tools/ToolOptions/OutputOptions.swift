public import ArgumentParser
import Foundation

/// How a tool speaks: results to stdout, progress to stderr.
public struct OutputOptions: ParsableArguments, Sendable {
    @Flag(help: "Print the result as one JSON object on stdout.")
    public var json = false

    @Flag(name: .shortAndLong, help: "No progress on stderr.")
    public var quiet = false

    /// The options as ArgumentParser makes them.
    public init() {}

    /// Prints a value as JSON with sorted keys.
    public func printJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Prints what is worth knowing beside the result on stderr, unless the JSON object has it.
    public func warn(_ remarks: [String]) {
        guard !json else { return }
        for remark in remarks { FileHandle.standardError.write(Data("\(remark)\n".utf8)) }
    }

    /// Where progress goes; nil where none is wanted.
    public var progress: ProgressLine? { quiet ? nil : ProgressLine() }
}
