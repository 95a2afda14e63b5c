/// Reading and writing NumPy's `.npy` arrays.
///
/// - Source: `numpy.lib.format`, versions 1 to 3
public enum Npy {
    static let mark: [UInt8] = [0x93] + Array("NUMPY".utf8)

    private static let types: [String: DType] = [
        "f4": .float32, "f2": .float16, "f8": .float64, "i8": .int64, "i4": .int32, "i2": .int16,
        "i1": .int8, "u1": .uint8, "b1": .bool,
    ]

    /// Opens an array as a checkpoint of the one tensor `array`.
    static func open(_ file: MappedFile) throws -> Checkpoint {
        let contents = ZipArchive.Contents(bytes: file.bytes, owner: file)
        return try Checkpoint(
            file: file.path,
            tensors: [
                stored("array", file, contents) {
                    ZipArchive.Contents(bytes: file.bytes, owner: file)
                }
            ])
    }

    /// Opens an npz: each array under the name of its entry, without `.npy`.
    static func open(_ archive: ZipArchive) throws -> Checkpoint {
        try Checkpoint(
            file: archive.file.path,
            tensors: archive.entries.filter { $0.name.hasSuffix(".npy") }.map { entry in
                try stored(
                    String(entry.name.dropLast(4)), archive.file,
                    archive.contents(of: entry, checking: entry.method != 0)
                ) { try archive.contents(of: entry) }
            })
    }

    /// One array. `contents` are its bytes now, `again` gives them when it is loaded.
    private static func stored(
        _ name: String, _ file: MappedFile, _ contents: ZipArchive.Contents,
        again: @escaping @Sendable () throws -> ZipArchive.Contents
    ) throws -> StoredTensor {
        let path = file.path
        guard contents.bytes.starts(with: mark) else {
            throw CheckpointError.malformed(file: path, rule: "'\(name)' is no array of NumPy's")
        }
        defer { withExtendedLifetime(contents.owner) {} }
        var cursor = ByteCursor(
            file, contents.bytes, in: mark.count..<contents.bytes.count, of: "the array's header")
        let version = try cursor.read(UInt8.self)
        try cursor.skip(1)
        guard (1...3).contains(version) else {
            throw cursor.malformed("its version is \(version), expected 1 to 3")
        }
        let length =
            version == 1 ? Int(try cursor.read(UInt16.self)) : Int(try cursor.read(UInt32.self))
        let header = try cursor.text(length)
        let (type, isColumnMajor, shape) = try parse(header, path)
        guard let dtype = types[String(type.dropFirst())], type.utf8.count == 3,
            let order = type.first, "<>|=".contains(order)
        else {
            throw CheckpointError.unsupported(
                file: path, what: "an array of the type '\(type)'",
                mend: "Save it with .astype(numpy.float32).")
        }
        guard shape.count <= Shape.mostAxes else {
            throw cursor.malformed(
                "it has \(shape.count) axes, at most \(Shape.mostAxes) are allowed")
        }
        guard let count = shape.checkedElementCount,
            !count.multipliedReportingOverflow(by: dtype.byteCount).overflow,
            count * dtype.byteCount == cursor.remaining
        else {
            throw cursor.malformed(
                "the shape \(shape) of \(type) does not fit \(cursor.remaining) bytes")
        }
        let start = cursor.position
        return StoredTensor(name: name, dtype: dtype, shape: shape, file: path) {
            let stored = isColumnMajor ? Array(shape.reversed()) : shape
            let contents = try again()
            let window = UnsafeRawBufferPointer(
                rebasing: contents.bytes[start..<(start + dtype.byteCount(of: count))])
            let isTurned = order == ">" && dtype.byteCount > 1
            let isAligned =
                UInt(bitPattern: window.baseAddress) % UInt(dtype.byteCount) == 0
            let storage =
                isAligned && !isTurned
                ? HostStorage(window: window, owner: contents.owner) : HostStorage(copying: window)
            if isTurned { storage.swapBytes(ofEach: dtype.byteCount) }
            let value = Tensor(storage: storage, device: .cpu, dtype: dtype, shape: stored)
            return isColumnMajor ? value.permuted(stored.indices.reversed()) : value
        }
    }

    /// The three fields of the header, a Python dictionary of constants.
    private static func parse(
        _ header: String, _ path: String
    ) throws -> (type: String, isColumnMajor: Bool, shape: Shape) {
        let failure = CheckpointError.malformed(
            file: path,
            rule: "the array's header is not a dictionary of descr, fortran_order, shape")
        func after(_ key: String) throws -> Substring {
            guard let range = header.firstRange(of: "'\(key)':") else { throw failure }
            return header[range.upperBound...].drop { $0 == " " }
        }
        let description = try after("descr")
        guard description.first == "'" else {
            throw CheckpointError.unsupported(
                file: path, what: "a structured array", mend: "Save each field by itself.")
        }
        let type = String(description.dropFirst().prefix { $0 != "'" })
        let order = try after("fortran_order")
        guard order.hasPrefix("True") || order.hasPrefix("False") else { throw failure }
        let sizes = try after("shape")
        guard sizes.first == "(", let close = sizes.firstIndex(of: ")") else { throw failure }
        var shape: Shape = []
        for part in sizes[..<close].dropFirst().split(separator: ",") {
            let digits = part.filter { $0 != " " }
            if digits.isEmpty { continue }
            guard let size = Int(digits), size >= 0 else { throw failure }
            shape.append(size)
        }
        return (type, order.hasPrefix("True"), shape)
    }

    /// Writes an array, in version 1.
    ///
    /// - Throws: `CheckpointError.unwritable`; bfloat16, which NumPy lacks, is one reason
    public static func write(_ tensor: Tensor, to path: String) throws {
        guard let name = types.first(where: { $0.value == tensor.dtype })?.key else {
            throw CheckpointError.unwritable(
                file: path, reason: "NumPy has no \(tensor.dtype); cast it to float32")
        }
        let type = (tensor.dtype.byteCount == 1 ? "|" : "<") + name
        let sizes = tensor.shape.map { "\($0)" }.joined(separator: ", ")
        let shape = tensor.rank == 1 ? "(\(sizes),)" : "(\(sizes))"
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
        header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
        try AtomicFile.write(to: path) { file in
            try file.write(mark + [1, 0] + littleEndian(UInt16(header.utf8.count)))
            try file.write(header)
            try tensor.withBytes { try file.write($0) }
        }
    }
}
