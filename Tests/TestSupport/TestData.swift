import Foundation

/// Files that tests may use but the repository may not hold, in the folder that
/// `SOUTHGPT_TEST_DATA` names.
public enum TestData {
    /// The folder, or nil: tests over it are then skipped and say so.
    public static let folder = ProcessInfo.processInfo.environment["SOUTHGPT_TEST_DATA"]

    /// Whether a file or folder of that relative path is there.
    public static func has(_ relative: String) -> Bool {
        folder.map { FileManager.default.fileExists(atPath: "\($0)/\(relative)") } ?? false
    }

    /// The full path of a file there.
    public static func path(_ relative: String) -> String { "\(folder ?? "")/\(relative)" }
}

/// A new folder that is removed when `body` returns.
@discardableResult
public func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(
        component: "southgpt-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}
