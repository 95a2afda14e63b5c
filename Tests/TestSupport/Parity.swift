import Foundation
public import TensorCore

/// The largest difference of two tensors, relative to the largest reference value: the measure of
/// `Docs/Parity.md`. Infinite where shapes differ or a number is not finite.
///
/// Where `SOUTHGPT_PARITY_REPORT` names a file, the result is added to it as a line of JSON.
public func relativeError(
    _ found: Tensor, _ expected: Tensor, of subject: String, original: String
) -> Float {
    var error = Float.infinity
    if found.shape == expected.shape {
        let (a, b) = (found.floats(), expected.floats())
        let largest = b.map(abs).max() ?? 0
        let difference = zip(a, b).map { abs($0 - $1) }.max() ?? 0
        let finite = a.allSatisfy(\.isFinite)
        error = finite ? difference / max(largest, 1e-30) : .infinity
    }
    report(["subject": subject, "original": original, "error": "\(error)"])
    return error
}

private func report(_ entry: [String: String]) {
    guard let file = ProcessInfo.processInfo.environment["SOUTHGPT_PARITY_REPORT"],
        var line = try? JSONEncoder().encode(entry)
    else { return }
    line.append(10)
    if !FileManager.default.fileExists(atPath: file) {
        _ = FileManager.default.createFile(atPath: file, contents: nil)
    }
    guard let handle = FileHandle(forWritingAtPath: file) else { return }
    defer { try? handle.close() }
    // One write at the end of the file: lines of parallel tests do not mix.
    _ = try? handle.seekToEnd()
    try? handle.write(contentsOf: line)
}
