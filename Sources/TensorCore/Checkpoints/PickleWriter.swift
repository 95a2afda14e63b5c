/// Writes the pickle of a map of tensors, in protocol 2, as `torch.save` does.
struct PickleWriter {
    private(set) var bytes: [UInt8] = [0x80, 0x02]

    private static let storages: [DType: String] = [
        .float32: "FloatStorage", .float16: "HalfStorage", .bfloat16: "BFloat16Storage",
        .float64: "DoubleStorage", .int64: "LongStorage", .int32: "IntStorage",
        .int16: "ShortStorage", .int8: "CharStorage", .uint8: "ByteStorage",
        .bool: "BoolStorage",
    ]

    /// The pickle of an `OrderedDict` whose n-th tensor looks at storage n.
    static func pickle(_ tensors: [StoredTensor]) -> [UInt8] {
        var writer = PickleWriter()
        writer.emptyMap()
        writer.code("(")
        for (index, tensor) in tensors.enumerated() {
            writer.text(tensor.name)
            writer.tensor(tensor, storage: index)
        }
        writer.code("u.")
        return writer.bytes
    }

    private mutating func code(_ opcodes: String) { bytes += Array(opcodes.utf8) }

    private mutating func emptyMap() { code("ccollections\nOrderedDict\n)R") }

    private mutating func text(_ text: String) {
        code("X")
        bytes += littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    private mutating func integer(_ value: Int) {
        if let small = Int32(exactly: value) {
            code("J")
            bytes += littleEndian(small)
        } else {
            bytes += [0x8A, 8] + littleEndian(Int64(value))
        }
    }

    private mutating func tuple(_ values: [Int]) {
        code("(")
        for value in values { integer(value) }
        code("t")
    }

    private mutating func tensor(_ value: StoredTensor, storage: Int) {
        code("ctorch._utils\n_rebuild_tensor_v2\n((")
        text("storage")
        code("ctorch\n\(PickleWriter.storages[value.dtype] ?? "FloatStorage")\n")
        text("\(storage)")
        text("cpu")
        integer(value.shape.elementCount)
        code("tQ")
        integer(0)
        tuple(value.shape)
        tuple(value.shape.rowMajorStrides)
        bytes.append(0x89)
        emptyMap()
        code("tR")
    }
}
