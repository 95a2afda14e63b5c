import ModelZoo
import TensorCore
import TestSupport

/// Opens a checkpoint and reads every number in it. The file and each tensor are read, or refused by
/// one of our errors, whose text is one line.
func readCheckpoint(_ bytes: UnsafeRawBufferPointer) {
    withFile(bytes) { path in
        let checkpoint = try Checkpoint(contentsOf: path)
        for tensor in checkpoint.tensors {
            refusing {
                let value = try tensor.tensor()
                // A view may show a small file many times over.
                if value.byteCount < 1 << 24 { _ = value.floats() }
            }
        }
    }
}

/// A language model's file: its metadata, its sizes, its tensors by their other names, its tokenizer.
func readGGUF(_ bytes: UnsafeRawBufferPointer) {
    withFile(bytes) { path in
        let file = try GGUF(contentsOf: path)
        for entry in file.metadata { _ = (entry.value.array?.strings, entry.value.array?.numbers) }
        refusing {
            for tensor in try LLaMAFiles(gguf: file).checkpoint.tensors { _ = try tensor.tensor() }
        }
        refusing {
            let tokenizer = try file.tokenizer()
            _ = tokenizer.decode(tokenizer.encode("violin 日本"))
        }
    }
}

/// The pickle of a PyTorch archive, whose checksums and storages are right whatever it says.
func readPickle(_ bytes: UnsafeRawBufferPointer) {
    let sizes = [96, 4, 10, 12, 24, 16, 16, 2, 2, 2, 3, 4, 0, 16]
    let archive = zip(
        [(name: "a/data.pkl", bytes: Array(bytes))]
            + sizes.enumerated().map { number, size in
                (name: "a/data/\(number)", bytes: [UInt8](repeating: 1, count: size))
            })
    archive.withUnsafeBytes(readCheckpoint)
}

private let words = "The violin's 12  notes, isn't it?\n日本 \u{301}😀 <s> </s> <0x0A>"

func readSentencePieces(_ bytes: UnsafeRawBufferPointer) {
    withFile(bytes) { path in
        let model = try SentencePieceModel(contentsOf: path)
        _ = model.decode(model.encode(words))
        let tokenizer = try LLaMATokenizer(model: model)
        _ = tokenizer.decode(tokenizer.encode(words))
    }
}

func readTokenizerJSON(_ bytes: UnsafeRawBufferPointer) {
    withFile(bytes) { path in
        let tokenizer = try JSONTokenizer(contentsOf: path)
        _ = tokenizer.decode(tokenizer.encode(words))
        _ = tokenizer.encodeWithMarks(words)
    }
}

/// A pattern by which a `tokenizer.json` cuts text: the rest of the file is sound.
func readPattern(_ bytes: UnsafeRawBufferPointer) {
    let pattern = OrderedJSON.quoted(String(decoding: bytes, as: UTF8.self))
    let file =
        "{\"added_tokens\":[],\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":"
        + "\(pattern)},\"behavior\":\"Isolated\",\"invert\":false},\"model\":{\"type\":\"BPE\","
        + "\"vocab\":{\"a\":0,\"b\":1,\"1\":2},\"merges\":[]}}"
    Array(file.utf8).withUnsafeBytes { bytes in
        withFile(bytes) { path in
            let tokenizer = try JSONTokenizer(contentsOf: path)
            let long = String(repeating: "aab1 'A\n\n  ", count: 20)
            _ = tokenizer.encode(words + long)
        }
    }
}

/// The description of a network: each of them takes its sizes from any file or refuses it.
func readConfig(_ bytes: UnsafeRawBufferPointer) {
    withFile(bytes) { path in
        refusing {
            let config: LLaMAConfig = try ConfigFile.read(from: path)
            guard config.numHiddenLayers < 8 else { return }
            _ = try LLaMA(config, from: .shapesOnly())
        }
        refusing {
            let config: ImageBindConfig = try ConfigFile.read(from: path)
            guard max(config.vision.trunk.blocks, config.audio.trunk.blocks) < 8 else { return }
            _ = try ImageBind(config, from: .shapesOnly())
        }
        refusing {
            let config: CLIPTextConfig = try ConfigFile.read(from: path)
            guard config.numHiddenLayers < 8 else { return }
            _ = try CLIPTextModel(config, from: .shapesOnly())
        }
    }
}

private func withFile(_ bytes: UnsafeRawBufferPointer, _ body: (String) throws -> Void) {
    let file = MemoryFile(bytes)
    defer { file.remove() }
    refusing { try body(file.path) }
}

private func refusing(_ body: () throws -> Void) {
    do {
        try body()
    } catch let error as any Error & CustomStringConvertible
        where error is CheckpointError || error is TokenizerError || error is ConfigError
    {
        precondition(!error.description.contains("\n"), "two lines: \(error)")
    } catch {
        preconditionFailure("an error of another type: \(error)")
    }
}
