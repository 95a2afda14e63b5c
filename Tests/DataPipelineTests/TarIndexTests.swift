import DataPipeline
import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct TarIndexTests {
    private func file(_ bytes: [UInt8]) throws -> (RecordFile, [Record]) {
        try withTemporaryFolder { folder in
            let file = try RecordFile(contentsOf: write(bytes, "shard.tar", in: folder))
            return (file, try (0..<file.count).map { try file.record($0) })
        }
    }

    private func failure(_ bytes: [UInt8]) -> String {
        do {
            return "\(try file(bytes).0.count) records"
        } catch {
            return "\(error)"
        }
    }

    @Test func membersOfOneNameMakeARecord() throws {
        let (_, records) = try file(
            archive([
                TarEntry("./a/000.jpg", "JPEG"), TarEntry("a/000.json", "{\"caption\": \"one\"}"),
                TarEntry("a/._000.jpg", "mac"), TarEntry("a/", kind: "5"),
                TarEntry("a/001.TXT", "two"), TarEntry("a/001.jpg", "JPEG2"),
                TarEntry("link.jpg", kind: "2"),
            ]))
        #expect(records.count == 2)
        #expect(records[0].fields["caption"]?.text == "one")
        #expect(records[1].fields["caption"]?.text == "two")
        #expect(records[1].members["jpg"]?.name == "a/001.jpg")
        #expect(records[1].members["jpg"]?.range.count == 5)
    }

    @Test func readsLongNamesOfBothKinds() throws {
        let long = String(repeating: "folder/", count: 30) + "name"
        let pax = "path=\(long)2.jpg\n"
        let (_, records) = try file(
            archive([
                TarEntry("././@LongLink", "\(long).jpg\0", kind: "L"), TarEntry("cut", "A"),
                TarEntry("pax", "\(pax.utf8.count + 4) \(pax)", kind: "x"), TarEntry("cut", "B"),
            ]))
        #expect(records.map { $0.members["jpg"]?.name ?? "" } == ["\(long).jpg", "\(long)2.jpg"])
    }

    @Test func joinsThePrefixOfPOSIX() throws {
        var entry = TarEntry("b.jpg", "A")
        entry.prefix = "deep/folder"
        #expect(try file(archive([entry])).1[0].members["jpg"]?.name == "deep/folder/b.jpg")
    }

    @Test func saysWhatIsWrong() {
        let whole = archive([TarEntry("a.jpg", String(repeating: "x", count: 2_000))])
        #expect(failure(Array(whole.prefix(1_000))).contains("'a.jpg' of 2000 bytes at byte 0"))
        #expect(failure(Array(whole.prefix(2_560))).contains("the mark that ends an archive"))
        #expect(failure(Array("hello".utf8)).contains("the end of the file at byte 0"))
        var broken = whole
        broken[3] ^= 1
        #expect(failure(broken).contains("a header whose checksum is wrong"))
        for (size, part) in [
            ("77777777777", "'a.jpg' of 8589934591 bytes"), ("-0000000001", "without a size"),
            ("           ", "without a size"), ("0000000000x", "without a size"),
        ] {
            let bytes = archive([TarEntry("a.jpg", "x", size: size)])
            #expect(failure(bytes).contains(part), "\(failure(bytes))")
        }
        #expect(
            failure(archive([TarEntry("a/../../b.jpg", "x")])).contains("one within the archive"))
        #expect(failure(archive([TarEntry("/etc/b.jpg", "x")])).contains("one within the archive"))
        #expect(
            failure(archive([TarEntry("a.jpg", "x"), TarEntry("a.jpg", "y")]))
                .contains("each ending once"))
        #expect(
            failure(archive([TarEntry("p", "9999 path=x\n", kind: "x")])).contains("a wrong length")
        )
        #expect(
            failure(
                archive([TarEntry("p", "21 size=99999999999\n\n", kind: "x"), TarEntry("a.jpg")])
            )
            .contains("found"))
    }

    /// More shards than a process may have files open.
    @Test func keepsFewShardsOpen() throws {
        try withTemporaryFolder { folder in
            for number in 100..<300 {
                try write(archive([TarEntry("a.txt", "\(number)")]), "\(number).tar", in: folder)
            }
            func open() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
                    .count { name in
                        let path = try? FileManager.default.destinationOfSymbolicLink(
                            atPath: "/proc/self/fd/\(name)")
                        return path?.hasPrefix("\(folder)/") ?? false
                    }
            }
            let set = try RecordSet(contentsOf: "\(folder)/{100..299}.tar")
            #expect(try open() == 32)
            for number in [0, 199, 0, 57, 100, 199] {
                #expect(try set.record(number).fields["caption"]?.text == "\(100 + number)")
            }
            #expect(try open() == 32)
            // A file that took the place of another is not read by that one's index.
            try FileManager.default.moveItem(
                atPath: "\(folder)/150.tar", toPath: "\(folder)/120.tar.new")
            _ = try (60..<120).map { try set.record($0) }
            _ = rename("\(folder)/120.tar.new", "\(folder)/120.tar")
            let error = #expect(throws: DatasetError.self) { try set.record(20) }
            #expect(
                error?.description.replacing(folder, with: "F")
                    == "F/120.tar: found another file, expected the 2048 bytes that were there. Was "
                    + "the file changed while it was read?")
        }
    }

    @Test func shardsFollowOneAnother() throws {
        try withTemporaryFolder { folder in
            for number in 0...2 {
                let entries = (0..<number * 2).map {
                    TarEntry("\(number)-\($0).txt", "\(number) \($0)")
                }
                try write(archive(entries), "0\(number).tar", in: folder)
            }
            let set = try RecordSet(contentsOf: "\(folder)/{00..02}.tar")
            #expect(set.count == 6)
            let captions = try (0..<6).map { try set.record($0).fields["caption"]?.text }
            #expect(captions == ["1 0", "1 1", "2 0", "2 1", "2 2", "2 3"])
        }
    }
}
