import DataPipeline
import Foundation
import TestSupport

/// Writes a file into a folder and returns its path.
@discardableResult
func write(_ text: String, _ name: String, in folder: String) throws -> String {
    try write(Array(text.utf8), name, in: folder)
}

/// Writes a file, and the folders above it, into a folder and returns its path.
@discardableResult
func write(_ bytes: [UInt8], _ name: String, in folder: String) throws -> String {
    let path = URL(filePath: "\(folder)/\(name)")
    try FileManager.default.createDirectory(
        at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: path)
    return path.path
}

/// One file of a tar archive, as POSIX has it.
struct TarEntry {
    var name: String
    var bytes: [UInt8] = []
    var kind = UInt8(ascii: "0")
    var size: String?
    var prefix = ""

    var blocks: [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: Array(text.utf8))
        }
        put(String(name.prefix(100)), at: 0)
        put("0000644\0", at: 100)
        let octal = String(bytes.count, radix: 8)
        put(size ?? String(repeating: "0", count: 11 - octal.count) + octal, at: 124)
        put("        ", at: 148)
        header[156] = kind
        put("ustar\u{0}00", at: 257)
        put(prefix, at: 345)
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        put(String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ", at: 148)
        let padding = (512 - bytes.count % 512) % 512
        return header + bytes + [UInt8](repeating: 0, count: padding)
    }

    init(_ name: String, _ text: String = "", kind: Character = "0", size: String? = nil) {
        (self.name, bytes, self.size) = (name, Array(text.utf8), size)
        self.kind = kind.asciiValue ?? 0
    }
}

/// An archive of those files.
func archive(_ entries: [TarEntry]) -> [UInt8] {
    entries.flatMap(\.blocks) + [UInt8](repeating: 0, count: 1024)
}

/// A generator of the same mutations in every run.
struct Mutations {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func number(below limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % max(1, limit)
    }

    /// The bytes with a few of them changed, removed or doubled, or with their end cut off.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...number(below: 4) where !bytes.isEmpty {
            let place = number(below: bytes.count)
            switch number(below: 5) {
            case 0: bytes[place] = UInt8(number(below: 256))
            case 1: bytes[place] ^= 1 << UInt8(number(below: 8))
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(contentsOf: bytes[place...].prefix(number(below: 40)), at: place)
            default: bytes.removeLast(number(below: bytes.count))
            }
        }
        return bytes
    }
}

/// A sound file of every format that is read, for tests that break them.
let mutationSources: [(name: String, bytes: [UInt8])] = [
    (
        "a.json",
        Array(
            "[{\"caption\": \"a\\u00e9\", \"n\": [1, -2.5e3]}, {\"caption\": \"b\"}]".utf8)
    ),
    (
        "dialogues.json",
        Array(
            """
            [{"mm_name": "t/9.wav", "image": ["a.jpg", "b.jpg"], "conversations": [
              {"from": "human", "value": "<image> <image> Rain?", "input_modality": "image"},
              {"from": "gpt", "value": "So.", "caption": "rain", "output_modality": "audio"}]},
             {"image_list": [{"image_name": "a.jpg", "caption": "one"}], "conversation": [
              {"from": "human", "value": "Is <Image>a.jpg</Image> < <image>x</image>?"},
              {"from": "gpt", "value": "See <Image>a.jpg</Image>"}]},
             {"video": "1/2.mp4", "QA": [{"i": "Look.", "q": "Who?", "a": "Ann."}]},
             {"instruction": "Add.", "input": "1 2", "output": "3"}]
            """.utf8)
    ),
    ("a.jsonl", Array("{\"caption\": \"a\"}\n{\"x\": {\"y\": []}}\n".utf8)),
    ("a.csv", Array("id,caption\n1,\"a, \"\"b\"\"\nc\"\n2,d\n".utf8)),
    ("a.tsv", Array("caption\turl\n\"x\"\thttp://a\n".utf8)),
    (
        "a.tar",
        archive([
            TarEntry("././@LongLink", "folder/long.jpg\0", kind: "L"),
            TarEntry("x.jpg", "J"),
            TarEntry("pax", "19 path=other.txt\n\n", kind: "x"),
            TarEntry("y.txt", "caption"),
            TarEntry("z.json", "{\"caption\": \"c\"}"),
        ])
    ),
]
