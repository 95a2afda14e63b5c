import DataPipeline
import Foundation
import ModelZoo
import TestSupport
import Testing

@Suite struct MediaCacheTests {
    @Test func decodesEqualContentsOnceAndChangedOnesAnew() throws {
        try withTemporaryFolder { folder in
            try write("same", "a.jpg", in: folder)
            try write("same", "b.jpg", in: folder)
            let cache = MediaCache<String>(byteLimit: 1_000) { $0.utf8.count }
            var decoded = 0
            func read(_ name: String) throws -> String {
                try cache.value(of: MediaReference(.image, name, in: folder)) { path in
                    decoded += 1
                    return try String(contentsOf: URL(filePath: path), encoding: .utf8)
                }
            }
            #expect(try read("a.jpg") == "same")
            #expect(try read("b.jpg") == "same")
            #expect(decoded == 1)
            #expect(cache.use.hits == 1)
            try write("other", "b.jpg", in: folder)
            #expect(try read("b.jpg") == "other")
            #expect(decoded == 2)
            #expect(cache.use.bytes == 9)
        }
    }

    /// A clip with sound is a medium of two kinds, and an encoder makes something else of each.
    @Test func oneFileUnderTwoModalitiesIsDecodedForEach() throws {
        try withTemporaryFolder { folder in
            try write("clip", "a.mp4", in: folder)
            let cache = MediaCache<Modality>(byteLimit: 1_000) { _ in 1 }
            for _ in 0..<2 {
                for modality in Modality.allCases {
                    let medium = MediaReference(modality, "a.mp4", in: folder)
                    #expect(try cache.value(of: medium) { _ in modality } == modality)
                }
            }
            #expect(cache.use.hits == Modality.allCases.count)
        }
    }

    /// What is remembered of files that were seen once takes room too.
    @Test func countsWhatItRemembersOfFiles() throws {
        try withTemporaryFolder { folder in
            let cache = MediaCache<UInt8>(byteLimit: 16_384) { _ in 1 }
            var most = 0
            for number in 0..<100 {
                try write("\(number)", "\(number).jpg", in: folder)
                let medium = MediaReference(.image, "\(number).jpg", in: folder)
                _ = try cache.value(of: medium) { _ in 0 }
                most = max(most, cache.use.bytes)
            }
            // A hundred values, and the files of an eighth of the limit at 192 bytes each.
            #expect(most == 100 + 10 * 192)
            #expect(cache.use.bytes == most)
        }
    }

    @Test func staysWithinItsLimitAndKeepsWhatIsUsed() throws {
        try withTemporaryFolder { folder in
            let cache = MediaCache<[UInt8]>(byteLimit: 100) { $0.count }
            func read(_ number: Int) throws {
                try write("\(number)", "\(number).jpg", in: folder)
                _ = try cache.value(of: MediaReference(.image, "\(number).jpg", in: folder)) { _ in
                    [UInt8](repeating: 0, count: number == 7 ? 101 : 30)
                }
            }
            for number in 0..<20 {
                try read(number)
                #expect(cache.use.bytes <= 100)
                try read(0)
            }
            // The first stayed, asked for again and again.
            #expect(cache.use.hits == 20)
        }
    }
}
