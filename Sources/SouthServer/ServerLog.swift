import FoundationEssentials
import Synchronization

/// Lines of JSON on stderr, one for each request: never what a user said or sent.
public final class ServerLog: Sendable {
    private let write: @Sendable (String) -> Void

    /// - Parameter write: takes one line
    public init(write: @escaping @Sendable (String) -> Void) { self.write = write }

    /// A log that keeps nothing.
    public static let silent = ServerLog { _ in }

    func note(_ event: String, _ values: [String: String]) {
        var line = values
        line["event"] = event
        line["time"] = Date().ISO8601Format()
        write(String(decoding: jsonData(line), as: UTF8.self))
    }
}
