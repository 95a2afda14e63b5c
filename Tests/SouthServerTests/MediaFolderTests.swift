import Foundation
import SouthServer
import TestSupport
import Testing

@Suite struct MediaFolderTests {
    @Test func storesTheSameBytesOnceUnderANameThatCannotBeGuessed() throws {
        try withTemporaryFolder { root in
            let folder = try MediaFolder(path: "\(root)/media")
            let first = try folder.store(Data([1, 2]), type: "png")
            #expect(try folder.store(Data([1, 2]), type: "png") == first)
            #expect(try folder.store(Data([1, 3]), type: "png") != first)
            #expect(first.count == 36)
            #expect(FileManager.default.contents(atPath: try folder.file(first)) == Data([1, 2]))
            // Another server's names are others: they do not follow from the bytes alone.
            let other = try MediaFolder(path: "\(root)/other")
            #expect(try other.store(Data([1, 2]), type: "png") != first)
        }
    }

    @Test func theOldestFilesGoForNewOnes() throws {
        try withTemporaryFolder { root in
            var limits = ServerLimits()
            limits.folderBytes = 250
            let folder = try MediaFolder(path: root, limits: limits)
            let names = try (0..<3).map { number in
                usleep(20_000)
                return try folder.store(Data(repeating: UInt8(number), count: 100), type: "png")
            }
            #expect(throws: ServerError.noSuchMedia(name: names[0])) { try folder.file(names[0]) }
            for name in names[1...] { #expect(throws: Never.self) { try folder.file(name) } }
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
