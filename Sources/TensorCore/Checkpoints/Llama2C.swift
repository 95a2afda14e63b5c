// The checkpoints of llama2.c: a header of sizes, then float32 weights in a fixed order.
// Source: karpathy/llama2.c, `export.py` and `run.c`, versions 0 and 1.

/// A llama2.c file. Its layers are given the names and the layout that Hugging Face's LLaMA has.
struct Llama2C {
    private static let mark: UInt32 = 0x616B_3432

    private let file: MappedFile
    private let dim: Int
    private let hidden: Int
    private let layers: Int
    private let heads: Int
    private let keyValueHeads: Int
    private let vocabulary: Int
    private let context: Int
    private let isTied: Bool
    /// Version 0 has no mark: it is known by sizes that give the file's own length.
    private let isFirstVersion: Bool

    private var headSize: Int { dim / heads }
    private var narrow: Int { keyValueHeads * headSize }

    /// Whether a file begins as the second version does.
    static func isMarked(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 4
            && UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == Llama2C.mark
    }

    /// Reads the header; nil where the file is none of these.
    init?(_ file: MappedFile) {
        let bytes = file.bytes
        guard bytes.count >= 28 else { return nil }
        func word(_ index: Int) -> Int {
            Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)))
        }
        let isMarked = Llama2C.isMarked(bytes)
        if isMarked {
            guard bytes.count > 256, word(1) == 1 else { return nil }
        }
        let first = isMarked ? 2 : 0
        self.file = file
        (dim, hidden, layers) = (word(first), word(first + 1), word(first + 2))
        (heads, keyValueHeads) = (word(first + 3), word(first + 4))
        vocabulary = abs(word(first + 5))
        context = word(first + 6)
        isTied = isMarked ? bytes[36] != 0 : word(first + 5) > 0
        isFirstVersion = !isMarked
        let sizes = [dim, hidden, layers, heads, keyValueHeads, vocabulary, context]
        guard sizes.allSatisfy({ (1...(1 << 20)).contains($0) }), layers <= 1024,
            dim % heads == 0, headSize % 2 == 0, heads % keyValueHeads == 0,
            (places.last?.end ?? 0) == bytes.count
        else { return nil }
    }

    private struct Place {
        let name: String
        let shape: Shape
        let start: Int
        var end: Int { start + 4 * shape.elementCount }
    }

    /// Every table of the file in order; the ones with an empty name are not needed.
    private var places: [Place] {
        let norms: [(String, Shape)] = [
            ("input_layernorm", [dim]), ("post_attention_layernorm", [dim]),
        ]
        let attention: [(String, Shape)] = [
            ("self_attn.q_proj", [dim, dim]), ("self_attn.k_proj", [narrow, dim]),
            ("self_attn.v_proj", [narrow, dim]), ("self_attn.o_proj", [dim, dim]),
        ]
        let mlp: [(String, Shape)] = [
            ("mlp.gate_proj", [hidden, dim]), ("mlp.down_proj", [dim, hidden]),
            ("mlp.up_proj", [hidden, dim]),
        ]
        let embedding = ("model.embed_tokens.weight", [vocabulary, dim])
        let lastNorm = ("model.norm.weight", [dim])
        func layered(_ parts: [(String, Shape)]) -> [(String, Shape)] {
            parts.flatMap { name, shape in
                (0..<layers).map { ("model.layers.\($0).\(name).weight", shape) }
            }
        }
        var tables: [(String, Shape)] =
            isFirstVersion
            ? [embedding] + layered([norms[0]] + attention + [norms[1]] + mlp) + [lastNorm]
                + [("", [context, headSize / 2]), ("", [context, headSize / 2])]
            : layered(norms) + [lastNorm, embedding] + layered(attention + mlp)
        if !isTied { tables.append(("lm_head.weight", [vocabulary, dim])) }
        var start = isFirstVersion ? 28 : 256
        return tables.map { name, shape in
            defer { start += 4 * shape.elementCount }
            return Place(name: name, shape: shape, start: start)
        }
    }

    /// The weights, and the sizes under the keys of a `config.json`.
    var checkpoint: Checkpoint {
        get throws {
            try Checkpoint(
                file: file.path,
                tensors: places.filter { !$0.name.isEmpty }.map { place in
                    let turns =
                        place.name.hasSuffix("q_proj.weight")
                        || place.name.hasSuffix("k_proj.weight")
                    return StoredTensor(
                        name: place.name, dtype: .float32, shape: place.shape, file: file.path,
                        forget: { [file] in file.forget(place.start..<place.end) }
                    ) { [file, headSize] in
                        let value = try file.tensor(
                            at: place.start, .float32, place.shape, of: "'\(place.name)'")
                        return turns ? value.halfSplitRows(headSize: headSize) : value
                    }
                },
                metadata: [
                    "model_type": "llama2.c", "vocab_size": "\(vocabulary)",
                    "hidden_size": "\(dim)", "intermediate_size": "\(hidden)",
                    "num_hidden_layers": "\(layers)", "num_attention_heads": "\(heads)",
                    "num_key_value_heads": "\(keyValueHeads)",
                    "max_position_embeddings": "\(context)", "tie_word_embeddings": "\(isTied)",
                ])
        }
    }
}

extension Tensor {
    /// Rows of query or key weights from pairs `(2i, 2i + 1)`, as Meta, llama2.c and GGUF rotate
    /// them, to pairs `(i, i + headSize / 2)`, as Hugging Face and our networks do. Blocks are
    /// moved whole: they lie along the rows.
    package func halfSplitRows(headSize: Int) -> Tensor {
        turnedRows([-1, headSize / 2, 2])
    }

    /// The way back.
    package func interleavedRows(headSize: Int) -> Tensor {
        turnedRows([-1, 2, headSize / 2])
    }

    private func turnedRows(_ split: [Int]) -> Tensor {
        if rank == 1 { return reshaped(split).transposed(1, 2).reshaped(shape) }
        return reshaped(split + [shape[1]]).transposed(1, 2).reshaped(shape)
    }
}
