import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    private struct Mistake: Error {}

    private func contents(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test func replacesAFileAsAWhole() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/note.txt"
            try AtomicFile.write(to: path) { try $0.write("first") }
            try AtomicFile.write(to: path) { file in
                try file.write("second")
                #expect(file.offset == 6)
                #expect(file.temporaryPath.hasSuffix(".txt"))
                #expect(try String(contentsOfFile: path, encoding: .utf8) == "first")
            }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "second")
            #expect(try contents(folder) == ["note.txt"])
        }
    }

    @Test func leavesNothingBehindAfterAnError() throws {
        try withTemporaryFolder { folder in
            #expect(throws: Mistake.self) {
                try AtomicFile.write(to: "\(folder)/a.bin") { file in
                    try file.write([UInt8](repeating: 1, count: 1 << 20))
                    throw Mistake()
                }
            }
            let rest = try contents(folder)
            #expect(rest == [])
        }
    }

    @Test func leavesNothingBehindInACancelledTask() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(component: "a.bin").path
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try AtomicFile.write(to: path) { try $0.write("too late") }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try contents(folder.path) == [])
    }

    @Test func saysWhyAFolderCannotBeWritten() {
        #expect(
            throws: CheckpointError.unwritable(
                file: "/no/such/folder/a", reason: "No such file or directory")
        ) { try AtomicFile("/no/such/folder/a") }
    }
}
