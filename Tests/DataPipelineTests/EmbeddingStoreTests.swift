import DataPipeline
import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct EmbeddingStoreTests {
    private let target = CaptionTarget(modality: .image, caption: "A cat", name: "4.jpg")
    private let form = [
        Modality.image: ConditioningForm(decoder: "runwayml/stable-diffusion-v1-5", shape: [2, 3])
    ]

    private func failure(
        _ folder: String, _ target: CaptionTarget? = nil, line: String? = nil
    ) throws -> String {
        if let line {
            try write(
                "file\tmodality\tcaption\tmodel\tsource\tname\n\(line)\n", "index.tsv", in: folder)
        }
        do {
            let value = try EmbeddingStore(folder, expecting: form)
                .embedding(for: target ?? self.target)
            return "none, but \(value.shape)"
        } catch {
            return "\(error)".replacing(folder, with: "EMBED")
        }
    }

    /// Files as NumPy writes them: version 1, a header of 128 bytes in all.
    @Test func readsWhatTheOriginalsScriptWrote() throws {
        try withTemporaryFolder { folder in
            let header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }"
            let padding = String(repeating: " ", count: 117 - header.utf8.count) + "\n"
            let numbers: [Float16] = [0, 1, -2, 0.5, 65504, 0.25]
            let bytes =
                [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array((header + padding).utf8)
                + numbers.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
            #expect(bytes.count == 128 + 12)
            try write(bytes, "4.jpg.npy", in: folder)
            let store = try EmbeddingStore("\(folder)/", expecting: form)
            let value = try store.embedding(for: target)
            #expect(value.shape == [2, 3])
            #expect(value.dtype == .float32)
            #expect(value.floats() == [0, 1, -2, 0.5, 65504, 0.25])
            // T-T+X dialogues name files by paths; the original looks for the last part.
            let path = CaptionTarget(modality: .image, caption: "A cat", name: "a/b/4.jpg")
            #expect(try store.embedding(for: path).floats() == value.floats())
            #expect(store.byteCount(of: path) == bytes.count)
            // And written again it is the same bytes.
            try Npy.write(value.cast(to: .float16), to: "\(folder)/again.npy")
            #expect(
                try Data(contentsOf: URL(filePath: "\(folder)/again.npy")) == Data(bytes))
        }
    }

    @Test func oneVectorIsOneToken() throws {
        try withTemporaryFolder { folder in
            for (name, shape) in [("a.wav", [4]), ("b.wav", [1, 4]), ("c.wav", [1, 1, 4])] {
                try Npy.write(Tensor([1, 2, 3, 4], shape), to: "\(folder)/\(name).npy")
                let store = try EmbeddingStore(
                    folder, expecting: [.audio: ConditioningForm(decoder: "a", shape: [4])])
                let target = CaptionTarget(modality: .audio, caption: "x", name: name)
                #expect(try store.embedding(for: target).shape == [1, 4])
            }
        }
    }

    @Test func saysWhatIsMissingAndHowToMakeIt() throws {
        #expect(
            try failure("/nowhere")
                == "EMBED/4.jpg.npy: there is no embedding of the caption 'A cat', expected one. "
                + "Make it: southgpt-embed CAPTIONS image EMBED MODEL")
    }

    @Test func namesBothDecodersWhereTheWidthIsWrong() throws {
        try withTemporaryFolder { folder in
            try Npy.write(
                Tensor([Float](repeating: 0, count: 8), [2, 4]), to: "\(folder)/4.jpg.npy")
            let plain = try failure(folder)
            #expect(plain.contains("shape [2, 4], expected [2, 3], which"))
            let key = "4.jpg.npy\timage\t\(digest("A cat"))\tstabilityai/sd-2@0a\tcc3m.json\t"
            #expect(
                try failure(folder, line: key)
                    == "EMBED/4.jpg.npy: an embedding of shape [2, 4], made by 'stabilityai/sd-2', "
                    + "expected [2, 3], which 'runwayml/stable-diffusion-v1-5' takes. Make it: "
                    + "southgpt-embed CAPTIONS image EMBED runwayml/stable-diffusion-v1-5")
        }
    }

    @Test func refusesAnotherCaptionsNumbersThatAreNoneAndDamage() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/4.jpg.npy"
            try Npy.write(Tensor([1, 2, .nan, 4, 5, 6], [2, 3]), to: path)
            #expect(
                try failure(folder)
                    == "EMBED/4.jpg.npy: holds numbers that are not finite, expected none. Remove "
                    + "the file, then: southgpt-embed CAPTIONS image EMBED MODEL")
            let other = "4.jpg.npy\timage\t\(digest("A dog"))\tm@0\tcc3m.json\t"
            #expect(
                try failure(folder, line: other)
                    == "EMBED/4.jpg.npy: the embedding is of another caption, expected that of "
                    + "'A cat'. Make it: southgpt-embed CAPTIONS image EMBED MODEL")
            #expect(
                try failure(folder, line: "a\tb\n\(other)")
                    == "EMBED/index.tsv:2: found 'a b', expected six fields between tabs. Remove "
                    + "the line; what it names is then made again.")
            try Data(Data(contentsOf: URL(filePath: path)).prefix(100)).write(
                to: URL(filePath: path))
            try FileManager.default.removeItem(atPath: "\(folder)/index.tsv")
            #expect(
                try failure(folder)
                    == "EMBED/4.jpg.npy: not a sound checkpoint: the array's header is cut short. "
                    + "Was the download complete?")
        }
    }

    @Test(arguments: ["../4.jpg.npy", "/etc/passwd", "a/b.npy", ".npy", ""])
    func anIndexLeadsNowhereElse(_ file: String) throws {
        try withTemporaryFolder { folder in
            try Npy.write(Tensor([1, 2, 3, 4, 5, 6], [2, 3]), to: "\(folder)/4.jpg.npy")
            let line = "\(file)\timage\t\(digest("A cat"))\tm@0\ts\t\"4.jpg\""
            #expect(try failure("\(folder)", line: "\(line)\n\(line)").contains("index.tsv:2"))
        }
    }

    /// Sixteen hexadecimal digits of SHA-256, as the index has them.
    private func digest(_ caption: String) -> String {
        var hash = SHA256()
        hash.update(caption)
        return String(hash.hexadecimal.prefix(16))
    }
}

/// Files that NExT-GPT's own script made, where somebody has them.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["SOUTHGPT_EMBEDDINGS"] != nil,
        "SOUTHGPT_EMBEDDINGS names a folder of the original's .npy files"))
struct PublishedEmbeddingsTests {
    @Test func everyFileOfTheOriginalReadsBackAndIsWrittenTheSame() throws {
        let folder = ProcessInfo.processInfo.environment["SOUTHGPT_EMBEDDINGS"] ?? ""
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".npy") }
        #expect(names.count > 0)
        try withTemporaryFolder { scratch in
            for name in names {
                let parts = name.split(separator: "/")
                let store = try EmbeddingStore(
                    ([folder] + parts.dropLast().map(String.init)).joined(separator: "/"))
                let stem = String((parts.last ?? "").dropLast(4))
                let value = try store.embedding(
                    for: CaptionTarget(modality: .image, caption: "", name: stem))
                #expect([[77, 768], [77, 1024], [1, 512]].contains(value.shape), "\(name)")
                let published = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
                #expect([118_400, 157_824, 1_152].contains(published.count), "\(name)")
                let shape = value.shape[0] == 1 ? [512] : value.shape
                try Npy.write(value.cast(to: .float16).reshaped(shape), to: "\(scratch)/x.npy")
                #expect(
                    try Data(contentsOf: URL(filePath: "\(scratch)/x.npy")) == published, "\(name)")
            }
        }
    }
}
