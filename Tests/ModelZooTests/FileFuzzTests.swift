import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Files of every reader with bytes changed, cut and doubled: each is read, or refused by an error
/// of ours. A few in every run; for minutes where `SOUTHGPT_FUZZ_SECONDS` says how long for each,
/// and `SOUTHGPT_FUZZ_TARGET` may name one.
///
/// The file that is being read lies in `.build/fuzz`: if the process ends, it is still there.
@Suite struct FileFuzzTests {
    static let targets = [
        "safetensors", "zip", "pickle", "legacy", "gguf", "npy", "npz", "llama2c",
        "tokenizer.model", "unigram.model", "tokenizer.json", "config.json",
    ]

    private static let environment = ProcessInfo.processInfo.environment

    @Test(arguments: targets)
    func everyChangedFileIsReadOrRefused(target: String) throws {
        let wanted = Self.environment["SOUTHGPT_FUZZ_TARGET"] ?? "all"
        guard wanted == "all" || wanted == target else { return }
        let seconds = Self.environment["SOUTHGPT_FUZZ_SECONDS"].flatMap { Double($0) }
        var random = FileMutation(seed: seconds == nil ? 7 : UInt64.random(in: 0 ... .max))
        var sources = try Self.sources(target)
        let folder = seconds == nil ? NSTemporaryDirectory() + UUID().uuidString : ".build/fuzz"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { if seconds == nil { try? FileManager.default.removeItem(atPath: folder) } }
        let path = "\(folder)/\(getpid())-\(target)"
        let end = ContinuousClock.now + .seconds(seconds ?? 0)
        var (files, readable) = (0, 0)
        while seconds == nil ? files < 150 : ContinuousClock.now < end {
            var changed = random.changed(sources[random.number(below: sources.count)])
            // What a checksum guards is read as if the change had been meant.
            if target == "zip" || target == "npz" { changed = withRightChecksums(changed) }
            let file = target == "pickle" ? Self.archive(changed) : changed
            try Data(file).write(to: URL(filePath: path))
            files += 1
            guard try Self.reads(target, path) else { continue }
            readable += 1
            // What is still readable is changed further: that leads deeper.
            guard changed.count < 1 << 15 else { continue }
            if sources.count < 256 {
                sources.append(changed)
            } else {
                sources[random.number(below: 256)] = changed
            }
        }
        try? FileManager.default.removeItem(atPath: path)
        // Whatever is changed, some of it is still sound: else nothing but a first check was tested.
        #expect(readable > 0)
        if seconds != nil { print("\(target): \(files) files, \(readable) readable") }
    }

    /// Whether a file is read to its last number; errors of ours are the other outcome.
    private static func reads(_ target: String, _ path: String) throws -> Bool {
        do {
            switch target {
            case "tokenizer.model", "unigram.model":
                let model = try SentencePieceModel(contentsOf: path)
                _ = model.decode(model.encode("The violin, isn't it?\n日本 \u{301}😀"))
            case "tokenizer.json":
                let tokenizer = try JSONTokenizer(contentsOf: path)
                _ = tokenizer.decode(tokenizer.encode("The violin's 12  notes\n日本 \u{301}😀"))
            case "config.json":
                let config: LLaMAConfig = try ConfigFile.read(from: path)
                // Sizes may be large: only what is checked before anything is made.
                guard config.numHiddenLayers < 8 else { return true }
                _ = try LLaMA(config, from: .shapesOnly())
            default:
                let checkpoint = try Checkpoint(contentsOf: path)
                for tensor in checkpoint.tensors {
                    let value = try tensor.tensor()
                    // A view may show a small file many times over.
                    if value.byteCount < 1 << 24 { _ = value.floats() }
                }
                if target == "gguf" {
                    let file = try GGUF(contentsOf: path)
                    for entry in file.metadata { _ = entry.value.array?.strings }
                    _ = try LLaMAFiles(gguf: file)
                    let tokenizer = try file.tokenizer()
                    _ = tokenizer.decode(tokenizer.encode("violin 日本"))
                }
            }
            return true
        } catch is CheckpointError {
            return false
        } catch is TokenizerError {
            return false
        } catch is ConfigError {
            return false
        }
    }

    private static func sources(_ target: String) throws -> [[UInt8]] {
        func file(_ name: String) throws -> [UInt8] {
            [UInt8](try Data(contentsOf: URL(filePath: Fixture.path(name))))
        }
        switch target {
        case "safetensors": return [try file("linear_algebra.safetensors")]
        case "zip": return [try file("checkpoints.pth"), try file("checkpoints-wrapped.pt")]
        case "pickle":
            // Bare: no zip around it that could break first.
            return try [file("checkpoints.pth"), file("checkpoints-wrapped.pt")].map(pickle)
        case "legacy": return [try file("checkpoints-legacy.pth")]
        case "gguf": return [try file("gguf_files.gguf"), try model()]
        case "npy": return [try file("checkpoints.npy")]
        case "npz":
            // Deflated, and stored: what is in there is only reached by changes of the second.
            return [try file("arrays.npz"), zip([("a.npy", try file("checkpoints.npy"))])]
        case "llama2c": return [llama2C()]
        case "tokenizer.model": return [try file("tokenizing/pieces.model")]
        case "unigram.model":
            return [
                try file("tokenizer_json/unigram.model"),
                try file("tokenizer_json/unigram_bytes.model"),
            ]
        case "tokenizer.json":
            return try ["llama", "clip", "qwen2", "unigram"].map {
                try file("tokenizer_json/\($0).json")
            }
        default:
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            return try LLaMAVariantTests.variants.map {
                [UInt8](try encoder.encode(LLaMAVariantTests.config($0)))
            }
        }
    }

    /// The pickle in an archive of PyTorch's: from its protocol to its end.
    private static func pickle(_ archive: [UInt8]) throws -> [UInt8] {
        let start = try #require(
            archive.indices.first { archive[$0...].starts(with: [0x80, 0x02]) })
        let end = try #require(
            archive.indices.first { $0 > start && archive[$0...].starts(with: [0x2E, 0x50, 0x4B]) })
        return Array(archive[start...end])
    }

    /// An archive of that pickle with the storages that it names.
    private static func archive(_ pickle: [UInt8]) -> [UInt8] {
        let sizes = [96, 4, 10, 12, 24, 16, 16, 2, 2, 2, 3, 4, 0, 16]
        return zip(
            [(name: "a/data.pkl", bytes: pickle)]
                + sizes.enumerated().map { number, size in
                    (name: "a/data/\(number)", bytes: [UInt8](repeating: 1, count: size))
                })
    }

    /// A whole small model with a tokenizer.
    private static func model() throws -> [UInt8] {
        let (_, weights) = try LLaMAVariantTests.network("llama")
        let config = try LLaMAVariantTests.config("llama")
        return try withTemporaryFolder { folder in
            let tokens = ["<unk>", "<s>", "</s>", "\u{2581}", "v", "i", "o", "vi", "vio"]
            let path = "\(folder)/m.gguf"
            try GGUF.write(
                weights.forGGUF(config).prefix(6).map { $0 },
                metadata: config.ggufMetadata(name: "m") + [
                    GGUF.Entry("tokenizer.ggml.model", .string("llama")),
                    GGUF.Entry("tokenizer.ggml.tokens", .array(GGUFArray(tokens))),
                    GGUF.Entry(
                        "tokenizer.ggml.scores",
                        .array(GGUFArray(tokens.indices.map { -Float($0) }))),
                    GGUF.Entry(
                        "tokenizer.ggml.token_type",
                        .array(GGUFArray([2, 3, 3, 1, 1, 1, 1, 1, 1] as [Int32]))),
                ], to: path)
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        }
    }

    /// The smallest file of llama2.c's first version.
    private static func llama2C() -> [UInt8] {
        let sizes: [Int32] = [4, 4, 1, 2, 1, 8, 4]
        let count = 8 * 4 + 4 + 16 + 8 + 8 + 16 + 4 + 16 * 3 + 4 + 4 + 4
        return sizes.flatMap { withUnsafeBytes(of: $0.littleEndian) { Array($0) } }
            + [UInt8](repeating: 1, count: 4 * count)
    }
}
