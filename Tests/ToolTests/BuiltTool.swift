import Foundation
import Synchronization

/// A built executable beside this test's own binary, as a user runs it.
struct BuiltTool {
    /// How a tool ended, and what it said.
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    let process = Process()
    let output = Pipe()
    let errors = Pipe()

    /// Where the tools are.
    private static let tools = URL(filePath: ProcessInfo.processInfo.arguments[0])
        .deletingLastPathComponent()

    /// - Parameter folder: works there, and sees no other folder of the user
    init(_ name: String, in folder: String? = nil, _ arguments: [String]) {
        process.executableURL = BuiltTool.tools.appending(component: name)
        process.arguments = arguments
        if let folder {
            process.currentDirectoryURL = URL(filePath: folder)
            process.environment = ["HOME": folder, "PATH": "/usr/bin"]
        }
        (process.standardOutput, process.standardError) = (output, errors)
        process.standardInput = FileHandle.nullDevice
    }

    /// A script in bash that is told where the tools are, as those in `Scripts` ask for it.
    init(bash script: String, in folder: String, _ arguments: [String] = []) {
        self.init("bash", in: folder, ["-c", script, "bash"] + arguments)
        process.executableURL = URL(filePath: "/bin/bash")
        process.environment?["SOUTHGPT_TOOLS"] = BuiltTool.tools.path
        process.environment?["PATH"] = "/usr/bin:/bin"
    }

    /// Runs to the end. Both pipes are read at once, for a full one would stop the tool.
    func outcome() throws -> Outcome {
        try process.run()
        let problems = Reading(errors.fileHandleForReading)
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let problem = problems.data()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
            errors: String(decoding: problem, as: UTF8.self))
    }

    /// Runs a tool to the end.
    static func run(
        _ name: String, in folder: String? = nil, _ arguments: String...
    ) throws -> Outcome {
        try BuiltTool(name, in: folder, arguments).outcome()
    }
}

/// What comes out of a pipe, read beside other work.
private final class Reading: Sendable {
    private let bytes = Mutex(Data())
    private let done = DispatchGroup()

    init(_ handle: FileHandle) {
        DispatchQueue.global().async(group: done) { [self] in
            let all = handle.readDataToEndOfFile()
            bytes.withLock { $0 = all }
        }
    }

    func data() -> Data {
        done.wait()
        return bytes.withLock { $0 }
    }
}
