// GGUF, the container of llama.cpp: typed metadata, then tensors, many of them in blocks.
// Source: ggml `docs/gguf.md`, versions 2 and 3.

/// A GGUF file's metadata and its tensors under the names they have there. Opening one reads only
/// the table of contents; elements stay in the file until they are touched.
///
/// Blocks of a type that a tensor can keep (`DType`) stay as they are; the others become `float32`
/// when the tensor is loaded.
public struct GGUF: Sendable {
    static let mark = Array("GGUF".utf8)
    /// Where tensors start unless the file says otherwise.
    static let usualAlignment = 32
    private static let longestName = 64
    private static let longestKey = 65535
    private static let deepestArray = 4

    /// One entry of the metadata.
    public struct Entry: Equatable, Sendable {
        /// A dotted name, such as `general.architecture`.
        public let key: String
        public let value: GGUFValue

        /// An entry as given.
        public init(_ key: String, _ value: GGUFValue) { (self.key, self.value) = (key, value) }
    }

    /// In the file's order.
    public let metadata: [Entry]
    /// The tensors; their shapes are PyTorch's, outermost axis first.
    public let checkpoint: Checkpoint
    private let index: [String: Int]

    /// Opens a file, and with the first of a split model the others too.
    ///
    /// - Throws: `CheckpointError`
    public init(contentsOf path: String) throws {
        let first = try GGUF(MappedFile(path))
        let count = first["split.count"]?.integer ?? 1
        guard count > 1 else {
            self = first
            return
        }
        let number = first["split.no"]?.integer
        guard number == 0, let stem = GGUF.stem(path, count) else {
            throw CheckpointError.malformed(
                file: path,
                rule: "its split.no is \(number.map { "\($0)" } ?? "absent") of \(count) parts, "
                    + "expected 0; open the one whose name ends in "
                    + "00001-of-\(fiveDigits(count)).gguf")
        }
        var tensors = first.checkpoint.tensors
        for number in 2...count {
            let name = "\(stem)-\(fiveDigits(number))-of-\(fiveDigits(count)).gguf"
            guard fileExists(name) else {
                throw CheckpointError.unreadable(
                    file: name, reason: "it is missing, and \(path) is the first of \(count) parts")
            }
            tensors += try GGUF(MappedFile(name)).checkpoint.tensors
        }
        self = try GGUF(file: path, metadata: first.metadata, tensors: tensors)
    }

    /// What the entry of that name says.
    public subscript(key: String) -> GGUFValue? { index[key].map { metadata[$0].value } }

    /// The name of a split file without `-00001-of-0000n.gguf`.
    private static func stem(_ path: String, _ count: Int) -> String? {
        let ending = "-00001-of-\(fiveDigits(count)).gguf"
        return count < 100_000 && path.hasSuffix(ending) ? String(path.dropLast(ending.count)) : nil
    }

    private init(file: String, metadata: [Entry], tensors: [StoredTensor]) throws {
        self.metadata = metadata
        var index: [String: Int] = [:]
        for (position, entry) in metadata.enumerated() {
            guard index.updateValue(position, forKey: entry.key) == nil else {
                throw CheckpointError.malformed(
                    file: file, rule: "the key '\(entry.key)' occurs twice")
            }
        }
        self.index = index
        checkpoint = try Checkpoint(
            file: file, tensors: tensors,
            metadata: Dictionary(
                metadata.map { ($0.key, $0.value.description) }, uniquingKeysWith: { a, _ in a }))
    }

    /// Reads the table of contents of one file.
    init(_ file: MappedFile) throws {
        guard file.bytes.starts(with: GGUF.mark) else {
            throw CheckpointError.malformed(
                file: file.path, rule: "it does not begin as a GGUF file does")
        }
        var cursor = ByteCursor(
            file, in: GGUF.mark.count..<file.bytes.count, of: "the table of contents")
        let version = try cursor.read(UInt32.self)
        guard version & 0xFFFF != 0 else {
            throw CheckpointError.unsupported(
                file: file.path, what: "a GGUF file in big-endian order",
                mend: "Convert it on the machine that wrote it.")
        }
        guard (2...3).contains(version) else {
            throw CheckpointError.unsupported(
                file: file.path, what: "GGUF version \(version)",
                mend: "Versions 2 and 3 are read; convert the model again with a newer llama.cpp.")
        }
        let tensorCount = try cursor.readSize()
        let entryCount = try cursor.readSize()
        var metadata: [Entry] = []
        for _ in 0..<entryCount {
            let length = try cursor.readSize()
            guard length <= longestKey(cursor) else { throw cursor.malformed("a key is too long") }
            let key = try cursor.text(length)
            metadata.append(Entry(key, try GGUF.value(&cursor, key)))
        }
        let alignment = try GGUF.alignment(metadata, file)
        var places: [Place] = []
        for _ in 0..<tensorCount { places.append(try GGUF.place(&cursor)) }
        let (end, overflow) = cursor.position.addingReportingOverflow(alignment - 1)
        guard !overflow else { throw cursor.malformed("the alignment \(alignment) is impossible") }
        let data = end / alignment * alignment
        var room = file.bytes.count
        try self.init(
            file: file.path, metadata: metadata,
            tensors: places.map { try GGUF.tensor($0, file, data: data, alignment, &room) })

        func longestKey(_ cursor: ByteCursor) -> Int { min(GGUF.longestKey, cursor.remaining) }
    }

    private static func alignment(_ metadata: [Entry], _ file: MappedFile) throws -> Int {
        guard let entry = metadata.first(where: { $0.key == "general.alignment" }) else {
            return usualAlignment
        }
        guard let alignment = entry.value.integer, alignment > 0, alignment <= 1 << 20,
            alignment & (alignment - 1) == 0
        else {
            throw CheckpointError.malformed(
                file: file.path,
                rule: "general.alignment is \(entry.value), expected a power of two")
        }
        return alignment
    }

    // MARK: Metadata

    private static func type(_ cursor: inout ByteCursor, _ key: String) throws -> GGUFValueType {
        let number = try cursor.read(UInt32.self)
        guard let type = GGUFValueType(rawValue: number) else {
            throw cursor.malformed("'\(key)' is of the unknown type \(number)")
        }
        return type
    }

    private static func value(_ cursor: inout ByteCursor, _ key: String) throws -> GGUFValue {
        let type = try type(&cursor, key)
        func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
            _: Integer.Type
        ) throws -> GGUFValue {
            let value = try cursor.read(Integer.self)
            guard let exact = Int(exactly: value) else {
                throw cursor.malformed("'\(key)' is \(value), which is impossible")
            }
            return .integer(exact, type)
        }
        switch type {
        case .uint8: return try integer(UInt8.self)
        case .int8: return try integer(Int8.self)
        case .uint16: return try integer(UInt16.self)
        case .int16: return try integer(Int16.self)
        case .uint32: return try integer(UInt32.self)
        case .int32: return try integer(Int32.self)
        case .uint64: return try integer(UInt64.self)
        case .int64: return try integer(Int64.self)
        case .float32:
            return .real(Double(Float(bitPattern: try cursor.read(UInt32.self))), type)
        case .float64: return .real(Double(bitPattern: try cursor.read(UInt64.self)), type)
        case .bool:
            let value = try cursor.read(UInt8.self)
            guard value <= 1 else { throw cursor.malformed("'\(key)' is neither true nor false") }
            return .bool(value == 1)
        case .string:
            let length = try cursor.readSize()
            return .string(try cursor.text(length))
        case .array:
            let (element, count) = (try self.type(&cursor, key), try cursor.readSize())
            var end = cursor
            try skip(&end, element, count, key, depth: deepestArray)
            let bytes = try cursor.take(end.position - cursor.position)
            return .array(GGUFArray(elementType: element, count: count, bytes: Array(bytes)))
        }
    }

    /// Moves past the elements of an array, checking their lengths.
    private static func skip(
        _ cursor: inout ByteCursor, _ element: GGUFValueType, _ count: Int, _ key: String,
        depth: Int
    ) throws {
        if let size = element.byteCount {
            let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow else { throw cursor.malformed("'\(key)' is cut short") }
            try cursor.skip(bytes)
            return
        }
        // Each element takes bytes, so a count beyond the file ends with it.
        for _ in 0..<count {
            if element == .string {
                let length = try cursor.readSize()
                try cursor.skip(length)
            } else {
                guard depth > 1 else { throw cursor.malformed("'\(key)' nests too deeply") }
                let (inner, count) = (try type(&cursor, key), try cursor.readSize())
                try skip(&cursor, inner, count, key, depth: depth - 1)
            }
        }
    }

    // MARK: Tensors

    private struct Place {
        let name: String
        let shape: Shape
        let type: GGUFType
        let offset: Int
    }

    private static func place(_ cursor: inout ByteCursor) throws -> Place {
        let length = try cursor.readSize()
        guard length <= longestName else {
            throw cursor.malformed("a tensor's name has \(length) bytes, at most 64 are allowed")
        }
        let name = try cursor.text(length)
        let rank = try cursor.read(UInt32.self)
        guard rank <= 4 else {
            throw cursor.malformed("'\(name)' has \(rank) axes, at most 4 are allowed")
        }
        var shape: Shape = []
        // The file has the innermost axis first.
        for _ in 0..<rank { shape.insert(try cursor.readSize(), at: 0) }
        let number = try cursor.read(UInt32.self)
        guard let type = GGUFType(rawValue: number) else {
            throw CheckpointError.unsupported(
                file: cursor.file.path,
                what: "the element type \(GGUFType.name(of: number)) of '\(name)'",
                mend: "Quantise the model to Q8_0, Q6_K or Q4_K.")
        }
        return Place(name: name, shape: shape, type: type, offset: try cursor.readSize())
    }

    private static func tensor(
        _ place: Place, _ file: MappedFile, data: Int, _ alignment: Int, _ room: inout Int
    ) throws -> StoredTensor {
        let (type, shape) = (place.type, place.shape)
        func malformed(_ rule: String) -> CheckpointError {
            .malformed(file: file.path, rule: "'\(place.name)' \(rule)")
        }
        guard let count = shape.checkedElementCount, (shape.last ?? 1) % type.blockSize == 0 else {
            throw malformed("has the impossible shape \(shape) of \(type)")
        }
        let (size, overflow) = (count / type.blockSize)
            .multipliedReportingOverflow(by: type.blockByteCount)
        guard !overflow, !count.multipliedReportingOverflow(by: 4).overflow else {
            throw malformed("has the impossible shape \(shape) of \(type)")
        }
        guard place.offset % alignment == 0 else {
            throw malformed("starts at byte \(place.offset), no multiple of \(alignment)")
        }
        let (start, beyond) = data.addingReportingOverflow(place.offset)
        guard !beyond else { throw malformed("starts beyond the file") }
        _ = try file.window(start, size, of: "'\(place.name)'")
        // Tensors that overlap could be many times the file.
        room -= size
        guard room >= 0 else { throw malformed("lies where others do") }
        let what = "'\(place.name)'"
        if let dtype = type.dtype {
            return StoredTensor(
                name: place.name, dtype: dtype, shape: shape, file: file.path,
                forget: { file.forget(start..<(start + size)) }
            ) { try file.tensor(at: start, dtype, shape, of: what) }
        }
        return StoredTensor(
            name: place.name, dtype: .float32, shape: shape, file: file.path,
            forget: { file.forget(start..<(start + size)) }
        ) {
            let storage = HostStorage(byteCount: 4 * count)
            if let numbers = storage.hostPointer {
                type.decode(
                    try file.window(start, size, of: what),
                    into: numbers.assumingMemoryBound(to: Float.self))
            }
            return Tensor(storage: storage, device: .cpu, dtype: .float32, shape: shape)
        }
    }
}
