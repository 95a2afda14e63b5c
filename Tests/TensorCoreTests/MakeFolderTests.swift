import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct MakeFolderTests {
    @Test func makesWhatIsMissingAndNothingTwice() throws {
        try withTemporaryFolder { folder in
            for path in ["\(folder)/a/b//c/", "\(folder)/a/b/c", "\(folder)/a"] {
                try makeFolder(path)
                var isFolder: ObjCBool = false
                #expect(FileManager.default.fileExists(atPath: path, isDirectory: &isFolder))
                #expect(isFolder.boolValue)
            }
        }
    }

    @Test func saysWhyAFolderCannotBeMade() throws {
        try withTemporaryFolder { folder in
            try Data().write(to: URL(filePath: "\(folder)/file"))
            for (path, reason) in [
                ("\(folder)/file", "File exists"), ("\(folder)/file/below", "Not a directory"),
                ("/proc/nothing", "No such file or directory"),
                ("", "No such file or directory"),
            ] {
                #expect(throws: CheckpointError.unwritable(file: path, reason: reason)) {
                    try makeFolder(path)
                }
            }
        }
    }
}
