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
}
