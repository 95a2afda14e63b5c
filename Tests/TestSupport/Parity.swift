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
    // Tests run side by side: one write to a file opened for appending is never mixed or lost.
    let descriptor = open(file, O_WRONLY | O_APPEND | O_CREAT, 0o644)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}
