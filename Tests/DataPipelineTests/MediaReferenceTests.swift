import DataPipeline
import Foundation
import ModelZoo
import TestSupport
import Testing

@Suite struct MediaReferenceTests {
    /// Runs the body, on this thread alone, as a user who may not read everything.
    private func asAnotherThanRoot(_ body: () throws -> Void) throws {
        guard geteuid() == 0 else { return try body() }
        typealias SetUser = @convention(c) (uid_t) -> CInt
        let symbol = try #require(dlsym(nil, "setfsuid"))
        let setUser = unsafeBitCast(symbol, to: SetUser.self)
        _ = setUser(65534)
        defer { _ = setUser(0) }
        try body()
    }

    @Test func aClosedFolderIsNotAnAbsentOne() throws {
        try withTemporaryFolder { folder in
            let path = try write("[]", "closed/a.json", in: folder)
            #expect(chmod("\(folder)/closed", 0) == 0)
            defer { chmod("\(folder)/closed", 0o755) }
            let entry = DatasetEntry(
                name: "s", format: .pair, type: .imageToText, dataPath: path)
            try asAnotherThanRoot {
                #expect(
                    throws: DatasetError.unreadable(file: path, reason: "permission denied")
                ) { try DatasetPreparation(entry).run() }
                for (name, root) in [
                    ("closed/a.json", folder), ("a.json", "\(folder)/closed/in"),
                ] {
                    let error = #expect(throws: DatasetError.self) {
                        try MediaReference(.image, name, in: root).withPath { _ in }
                    }
                    #expect(
                        error?.description.contains("found a folder that is closed to us, in")
                            == true)
                }
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
