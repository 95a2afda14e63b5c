import DataPipeline
import Foundation
import ModelZoo
import TestSupport
import Testing

@Suite struct MediaReferenceTests {
    /// Root may read everything, so that there is nothing to test then.
    @Test(.enabled(if: geteuid() != 0, "this user is not root"))
    func aClosedFolderIsNotAnAbsentOne() throws {
        try withTemporaryFolder { folder in
            let path = try write("[]", "closed/a.json", in: folder)
            let files = FileManager.default
            let closed: [FileAttributeKey: Any] = [.posixPermissions: 0]
            try files.setAttributes(closed, ofItemAtPath: "\(folder)/closed")
            defer {
                try? files.setAttributes(
                    [.posixPermissions: 0o755], ofItemAtPath: "\(folder)/closed")
            }
            let entry = DatasetEntry(
                name: "s", format: .pair, type: .imageToText, dataPath: path)
            #expect(
                throws: DatasetError.unreadable(file: path, reason: "permission denied")
            ) { try DatasetPreparation(entry).run() }
            do {
                try MediaReference(.image, "closed/a.json", in: folder).withPath { _ in }
                Issue.record("opened")
            } catch {
                #expect("\(error)".contains("found a folder that is closed to us, in"))
            }
        }
    }

    @Test func neverLeavesTheFolderOfTheMedia() throws {
        try withTemporaryFolder { folder in
            try write("secret", "secret.jpg", in: folder)
            try write("x", "media/sub/a.jpg", in: folder)
            let files = FileManager.default
            try files.createSymbolicLink(
                atPath: "\(folder)/media/out.jpg", withDestinationPath: "../secret.jpg")
            try files.createSymbolicLink(
                atPath: "\(folder)/media/folder", withDestinationPath: folder)
            try files.createSymbolicLink(
                atPath: "\(folder)/media/in.jpg", withDestinationPath: "sub/a.jpg")
            try files.createSymbolicLink(
                atPath: "\(folder)/link", withDestinationPath: "\(folder)/media")
            for (name, part) in [
                ("../secret.jpg", "leaves the media folder"), ("a/../../secret.jpg", "leaves"),
                ("\(folder)/secret.jpg", "leaves"), ("out.jpg", "a link that leads to"),
                ("folder/secret.jpg", "a link that leads to"), ("", "leaves"),
                ("secret.jpg\0.jpg", "leaves"), ("gone.jpg", "no such file"),
                (String(repeating: "a", count: 5_000), "leaves"),
            ] {
                let medium = MediaReference(.image, name, in: "\(folder)/media")
                #expect(!medium.exists)
                let error = #expect(throws: DatasetError.self) { try medium.withPath { $0 } }
                #expect(
                    error?.description.contains(part) == true,
                    "\(name): \(error?.description ?? "")")
            }
            // Links within the folder, and a folder that is itself one, are the user's own.
            #expect(MediaReference(.image, "in.jpg", in: "\(folder)/media").exists)
            #expect(MediaReference(.image, "sub/a.jpg", in: "\(folder)/link").exists)
            #expect(
                MediaReference(.image, "b.jpg", in: "\(folder)/link", alternatives: ["in.jpg"])
                    .exists)
        }
    }

    @Test func saysWhichFolderIsNotThere() {
        let error = #expect(throws: DatasetError.self) {
            try MediaReference(.audio, "a.wav", in: "/nowhere/audios").withPath { $0 }
        }
        #expect(error?.description.contains("no folder '/nowhere/audios'") == true)
    }
}
