import Foundation
import SouthServer
import TestSupport
import Testing

@Suite struct MediaFolderTests {
    @Test func storesUnderANameThatCannotBeGuessed() throws {
        try withTemporaryFolder { root in
            let folder = try MediaFolder(path: "\(root)/media")
            let first = try folder.store(Data([1, 2]), type: "png")
            let second = try folder.store(Data([1, 2]), type: "png")
            #expect(first != second)
            #expect(first.count == 36)
            #expect(FileManager.default.contents(atPath: try folder.file(first)) == Data([1, 2]))
        }
    }

    @Test(arguments: [
        "../secret.png", "/etc/passwd", "..", "", "a.png", "%2e%2e/secret.png",
        "0123456789abcdef0123456789abcdef.sh", "0123456789abcdef0123456789abcdef.png",
        "0123456789ABCDEF0123456789ABCDEF.png", "0123456789abcdef0123456789abcdef.png/..",
    ])
    func refusesNamesThatItDidNotGive(_ name: String) throws {
        try withTemporaryFolder { root in
            let folder = try MediaFolder(path: "\(root)/media")
            #expect(throws: ServerError.noSuchMedia(name: name)) { try folder.file(name) }
        }
    }

    @Test func doesNotFollowLinks() throws {
        try withTemporaryFolder { root in
            let folder = try MediaFolder(path: "\(root)/media")
            let name = "0123456789abcdef0123456789abcdef.png"
            try Data([1]).write(to: URL(filePath: "\(root)/secret"))
            try FileManager.default.createSymbolicLink(
                atPath: "\(root)/media/\(name)", withDestinationPath: "\(root)/secret")
            #expect(throws: ServerError.noSuchMedia(name: name)) { try folder.file(name) }
        }
    }

    @Test func refusesOtherKindsOfFiles() throws {
        try withTemporaryFolder { root in
            let folder = try MediaFolder(path: root)
            #expect(throws: ServerError.self) { try folder.store(Data(), type: "html") }
        }
    }
}
