import Foundation
import TensorCore

extension OperationCase {
    /// The most memory that this process has taken once two runs of this case are done. Means
    /// something in a process that did nothing else.
    public func peakMemoryAfterTwoRuns() throws -> Int {
        let run = try prepared(on: .cpu)
        for _ in 0..<2 { try run() }
        return Machine.peakMemoryBytes
    }
}

/// The peak of memory that a command tells of a case in a process of its own.
///
/// - Parameter command: words, the program first; `--peak-memory` and the case as JSON follow
/// - Throws: `PeerError`
public func peakMemory(of work: some Encodable, toldBy command: [String]) throws -> Int {
    let text = command.joined(separator: " ")
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    let json = String(decoding: try JSONEncoder().encode(work), as: UTF8.self)
    process.arguments = command + ["--peak-memory", json]
    process.environment = ProcessInfo.processInfo.environment.merging([
        "SOUTHGPT_THREADS": "\(ThreadPool.count)"
    ]) { _, own in own }
    let output = Pipe()
    process.standardOutput = output
    do {
        try process.run()
    } catch {
        throw PeerError.silent(command: text, reason: "\(error.localizedDescription)")
    }
    let answer = String(
        decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    let digits = answer.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
    guard let bytes = Int(digits) else {
        throw PeerError.answered(command: text, text: answer)
    }
    return bytes
}
