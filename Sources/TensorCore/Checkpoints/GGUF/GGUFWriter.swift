extension GGUF {
    /// Writes version 3, one tensor after the other as they are loaded: no copy of the file is
    /// built.
    ///
    /// - Parameter metadata: in this order; `general.alignment` counts where it is there
    /// - Parameter progress: how many tensors are written
    /// - Throws: `CheckpointError.unwritable`, `.unsupported` for what the format has no place for, or
    ///   what loading a tensor throws; what was at `path` before is then still there
    public static func write(
        _ tensors: [StoredTensor], metadata: [Entry], to path: String,
        progress: (Int) -> Void = { _ in }
    ) throws {
        func unsupported(_ what: String, _ mend: String) -> CheckpointError {
            .unsupported(file: path, what: what, mend: mend)
        }
        try AtomicFile.checkNames(tensors.map(\.name), path)
        let alignment =
            metadata.first { $0.key == "general.alignment" }?.value.integer ?? usualAlignment
        guard alignment > 0, alignment & (alignment - 1) == 0 else {
            throw unsupported(
                "an alignment of \(alignment)", "'general.alignment' must be a power of two.")
        }
        var header: [UInt8] = []
        var offset = 0
        for tensor in tensors {
            guard let type = GGUFType(tensor.dtype) else {
                throw unsupported("'\(tensor.name)' as \(tensor.dtype)", "Cast it to another type.")
            }
            guard tensor.name.utf8.count < 64, tensor.shape.count <= 4 else {
                throw unsupported(
                    "'\(tensor.name)' of shape \(tensor.shape)",
                    "GGUF has names of at most 63 bytes and shapes of four axes: "
                        + "write a .safetensors file.")
            }
            let shape = tensor.shape.isEmpty ? [1] : tensor.shape
            header += text(tensor.name) + littleEndian(UInt32(shape.count))
            header += shape.reversed().flatMap { littleEndian(UInt64($0)) }
            header += littleEndian(type.rawValue) + littleEndian(UInt64(offset))
            offset = (offset + tensor.byteCount + alignment - 1) / alignment * alignment
        }
        try AtomicFile.write(to: path) { file in
            try file.write(mark + littleEndian(UInt32(3)))
            try file.write(littleEndian(UInt64(tensors.count)))
            try file.write(littleEndian(UInt64(metadata.count)))
            for entry in metadata { try file.write(text(entry.key) + bytes(entry.value)) }
            try file.write(header)
            try file.pad(to: alignment)
            for (index, tensor) in tensors.enumerated() {
                progress(index)
                try tensor.tensor().withBytes { try file.write($0) }
                tensor.forget()
                try file.pad(to: alignment)
            }
        }
    }

    private static func text(_ text: String) -> [UInt8] {
        littleEndian(UInt64(text.utf8.count)) + Array(text.utf8)
    }

    /// A value with its type before it.
    private static func bytes(_ value: GGUFValue) -> [UInt8] {
        func typed(_ type: GGUFValueType, _ bytes: [UInt8]) -> [UInt8] {
            littleEndian(type.rawValue) + bytes
        }
        switch value {
        case .integer(let value, let type):
            let size = type.byteCount ?? 8
            return typed(type, Array(littleEndian(Int64(value)).prefix(size)))
        case .real(let value, .float64): return typed(.float64, littleEndian(value.bitPattern))
        case .real(let value, _): return typed(.float32, littleEndian(Float(value).bitPattern))
        case .bool(let value): return typed(.bool, [value ? 1 : 0])
        case .string(let value): return typed(.string, text(value))
        case .array(let value):
            return typed(
                .array,
                littleEndian(value.elementType.rawValue) + littleEndian(UInt64(value.count))
                    + value.bytes)
        }
    }
}

extension AtomicFile {
    /// Adds zeros up to a multiple of `alignment`.
    func pad(to alignment: Int) throws {
        let rest = offset % alignment
        if rest > 0 { try write([UInt8](repeating: 0, count: alignment - rest)) }
    }
}
