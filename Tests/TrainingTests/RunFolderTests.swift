import Foundation
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct RunFolderTests {
    @Test func oneProcessWritesAtATime() throws {
        try withTemporaryFolder { folder in
            let first = try RunFolder("\(folder)/run", isWriter: true)
            let error = #expect(throws: RunError.self) {
                try RunFolder("\(folder)/run", isWriter: true)
            }
            #expect(
                error?.description
                    == "\(folder)/run: another process trains there. Wait for it, or name another "
                    + "--save_path.")
            // Who only reads may.
            #expect(try RunFolder("\(folder)/run", isWriter: false).steps == first.steps)
        }
    }

    @Test func sweepsUpWhatAKilledProcessLeft() throws {
        try withTemporaryFolder { folder in
            for name in [".draft-7", ".draft-old-3", "step_00000005"] {
                try FileManager.default.createDirectory(
                    atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            }
            let run = try RunFolder(folder, isWriter: true)
            #expect(run.steps == [5])
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                    == [".lock", "step_00000005"])
        }
    }

    @Test func saysWhyNothingCanBeWritten() throws {
        try withTemporaryFolder { folder in
            try Data("x".utf8).write(to: URL(filePath: "\(folder)/file"))
            let error = #expect(throws: RunError.self) {
                try RunFolder.checkWritable("\(folder)/file/run")
            }
            #expect(error?.description.contains("\(folder)/file/run: cannot be written to") == true)
            try RunFolder.checkWritable("\(folder)/not/there/yet")
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/not"))
        }
    }

    @Test func letsGoThoughAProgramThatStartsHasACopyOfTheDescriptor() throws {
        try withTemporaryFolder { folder in
            var first: RunFolder? = try RunFolder(folder, isWriter: true)
            // What a child has between its birth and the program that it runs.
            let descriptors = "/proc/self/fd"
            let names = try FileManager.default.contentsOfDirectory(atPath: descriptors)
            let lock = names.first { name in
                (try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "\(descriptors)/\(name)"))?.hasSuffix("\(folder)/.lock") == true
            }
            let held = try #require(lock.flatMap { Int32($0) })
            let copy = dup(held)
            defer { close(copy) }
            #expect(throws: RunError.self) { try RunFolder(folder, isWriter: true) }
            #expect(first != nil)
            first = nil
            _ = try RunFolder(folder, isWriter: true)
        }
    }
}
