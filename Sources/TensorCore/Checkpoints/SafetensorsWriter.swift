extension Safetensors {
    /// Writes tensors, each in its own type, one after the other: no copy of the file is built.
    ///
    /// The order in the file is by element size, then name, as the reference writes it, so that
    /// all are aligned. `metadata` gets `format: pt`, which transformers asks for.
    ///
    /// - Throws: `CheckpointError.unwritable`; what was at `path` before is then still there
    public static func write(
        _ tensors: [(name: String, value: Tensor)], metadata: [String: String] = [:],
        to path: String
    ) throws {
        try write(
            tensors.map { StoredTensor(name: $0.name, value: $0.value) }, metadata: metadata,
            to: path)
    }

    /// Writes tensors as they are loaded, one at a time; see above.
    ///
    /// - Parameter progress: how many are written
    /// - Throws: `CheckpointError.unwritable`, or what loading a tensor throws
    public static func write(
        _ tensors: [StoredTensor], metadata: [String: String] = [:], to path: String,
        progress: (Int) -> Void = { _ in }
    ) throws {
        try AtomicFile.checkTypes(tensors.map { ($0.name, $0.dtype) }, path)
        let ordered = ordered(tensors)
        try AtomicFile.checkNames(ordered.map(\.name) + ["__metadata__"], path)
        let notes = metadata.merging(["format": "pt"]) { own, _ in own }
        let noteTexts = notes.sorted { $0.key < $1.key }.map {
            "\(OrderedJSON.quoted($0.key)):\(OrderedJSON.quoted($0.value))"
        }
        var header = "{\"__metadata__\":{\(noteTexts.joined(separator: ","))}"
        var offset = 0
        for tensor in ordered {
            let end = offset + tensor.byteCount
            let shape = tensor.shape.map { "\($0)" }.joined(separator: ",")
            header +=
                ",\(OrderedJSON.quoted(tensor.name)):"
                + "{\"dtype\":\"\(Safetensors.name(of: tensor.dtype))\","
                + "\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
            offset = end
        }
        header += "}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        try AtomicFile.write(to: path) { file in
            try file.write(littleEndian(UInt64(header.utf8.count)))
            try file.write(header)
            for (index, tensor) in ordered.enumerated() {
                progress(index)
                try tensor.tensor().withBytes { try file.write($0) }
                tensor.forget()
            }
        }
    }

    /// Tensors in the order in which a file has them and in which they are loaded for it.
    package static func ordered(_ tensors: [StoredTensor]) -> [StoredTensor] {
        tensors.sorted { ($1.dtype.byteCount, $0.name) < ($0.dtype.byteCount, $1.name) }
    }
}

extension AtomicFile {
    /// Checks that a file to be written knows the types: none of these formats knows blocks.
    static func checkTypes(_ tensors: [(name: String, dtype: DType)], _ path: String) throws {
        for (name, dtype) in tensors where dtype.isBlocked {
            throw CheckpointError.unsupported(
                file: path, what: "'\(name)' as \(dtype)",
                mend: "Write a .gguf file, or cast it to float32 or bfloat16.")
        }
    }

    /// Checks that no two tensors of a file to be written share a name.
    static func checkNames(_ names: [String], _ path: String) throws {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw CheckpointError.unwritable(file: path, reason: "two tensors are named '\(name)'")
        }
    }
}

/// The bytes of an integer, least first.
func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
