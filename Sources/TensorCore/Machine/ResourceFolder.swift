import FoundationEssentials

/// A folder of ours that must be found at run time, wherever the binary was moved.
public struct ResourceError: Error, Equatable, CustomStringConvertible {
    /// What was looked for.
    public let name: String
    /// Every place that was looked in, in order.
    public let looked: [String]
    /// What to do about it.
    public let mend: String

    public var description: String {
        "\(name) was not found in \(looked.joined(separator: ", ")). \(mend)"
    }
}

/// Finds a folder by a file that it must hold: in the folder that an environment variable names,
/// beside the binary, in `../share/southgpt`, then in the resource bundle beside the binary.
///
/// A variable that is set is the only place looked in: a typing mistake must not silently become
/// another folder. The generated bundle accessor is never used, because it traps when a binary
/// has been moved.
package struct ResourceLookup: Sendable {
    /// The folder's name.
    package let name: String
    /// The file without which it is not the folder that is meant.
    package let marker: String
    /// The environment variable that may name it.
    package let variable: String
    /// What an error tells the user to do.
    package let mend: String
    /// The folder within the resource bundle; nil for the bundle itself.
    package let bundled: String?

    package init(
        name: String, marker: String, variable: String, mend: String, bundled: String? = nil
    ) {
        (self.name, self.marker, self.variable) = (name, marker, variable)
        (self.mend, self.bundled) = (mend, bundled)
    }

    /// The places to look in, in order.
    package func places(environment: [String: String], binary: String) -> [String] {
        if let named = environment[variable] { return [named] }
        return [
            "\(binary)/\(name)", "\(binary)/../share/southgpt/\(name)",
            "\(binary)/south-gpt_\(name).resources" + (bundled.map { "/\($0)" } ?? ""),
        ]
    }

    /// The first place that holds the marker file.
    ///
    /// - Throws: `ResourceError`, with every place that was looked in
    package func folder(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        binary: String = binaryFolder
    ) throws -> String {
        let places = places(environment: environment, binary: binary)
        let found = places.first { FileManager.default.fileExists(atPath: "\($0)/\(marker)") }
        guard let found else { throw ResourceError(name: name, looked: places, mend: mend) }
        return found
    }
}

/// The folder of the running program.
package let binaryFolder: String = {
    let program =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        ?? CommandLine.arguments.first ?? "."
    let parts = program.split(separator: "/").dropLast()
    return (program.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
}()
