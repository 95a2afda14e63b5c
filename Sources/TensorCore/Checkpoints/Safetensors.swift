// The safetensors container: a JSON table of contents, then the elements.
// Source: the format's description and reader, safetensors 0.6.

/// Reading and writing safetensors files.
public enum Safetensors {
    /// The greatest table of contents that is read, as in the reference.
    static let longestHeader = 100_000_000

    private static let types: [String: DType] = [
        "F64": .float64, "F32": .float32, "F16": .float16, "BF16": .bfloat16, "I64": .int64,
        "I32": .int32, "I16": .int16, "I8": .int8, "U8": .uint8, "BOOL": .bool,
    ]

    /// The name of a type in the file.
    static func name(of dtype: DType) -> String {
        types.first { $0.value == dtype }?.key ?? "F32"
    }

    /// Whether a file that starts with these bytes may be one.
    static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 9 && bytes[8] == UInt8(ascii: "{")
    }

    /// One entry of the table of contents.
    private struct Entry {
        let name: String
        let dtype: DType
        let shape: Shape
        let range: Range<Int>
    }

    /// Opens a file: every rule of the format is checked, no element is read.
    ///
    /// - Throws: `CheckpointError.malformed` naming the rule; `.unsupported` for element types
    ///   that no tensor here can hold (unsigned ones over 8 bits, 8-bit floats, complex ones)
    static func open(_ file: MappedFile) throws -> Checkpoint {
        let path = file.path
        func malformed(_ rule: String) -> CheckpointError { .malformed(file: path, rule: rule) }
        let length = try file.window(0, 8, of: "the length of the header")
            .loadUnaligned(as: UInt64.self).littleEndian
        guard length <= UInt64(longestHeader) else {
            throw malformed("a header of \(length) bytes, at most \(longestHeader) are allowed")
        }
        let header = try file.window(8, Int(length), of: "the header")
        guard header.first == UInt8(ascii: "{") else {
            throw malformed("the header does not start with '{'")
        }
        let table: OrderedJSON
        do {
            table = try OrderedJSON(header, depth: 8)
        } catch let failure as OrderedJSON.Failure {
            throw malformed("the header is not JSON: \(failure.reason) at \(failure.offset)")
        }
        let data = 8 + Int(length)
        var metadata: [String: String] = [:]
        var entries: [Entry] = []
        var names: Set<String> = []
        for member in table.members ?? [] {
            guard names.insert(member.name).inserted else {
                throw malformed("the name '\(member.name)' occurs twice")
            }
            if member.name == "__metadata__" {
                metadata = try notes(member.value, path)
            } else {
                entries.append(try entry(member.name, member.value, path))
            }
        }
        let (end, room) = (try tile(entries, path), file.bytes.count - data)
        guard end == room else {
            throw malformed("the tensors take \(end) bytes of data, the file has \(room)")
        }
        return try Checkpoint(
            file: path,
            tensors: entries.map { entry in
                StoredTensor(
                    name: entry.name, dtype: entry.dtype, shape: entry.shape, file: path,
                    forget: {
                        let (start, end) = (entry.range.lowerBound, entry.range.upperBound)
                        file.forget((data + start)..<(data + end))
                    }
                ) {
                    try file.tensor(
                        at: data + entry.range.lowerBound, entry.dtype, entry.shape,
                        of: "'\(entry.name)'")
                }
            }, metadata: metadata)
    }

    private static func notes(_ value: OrderedJSON, _ path: String) throws -> [String: String] {
        var notes: [String: String] = [:]
        for note in value.members ?? [] {
            guard let text = note.value.text else {
                throw CheckpointError.malformed(
                    file: path, rule: "'\(note.name)' in __metadata__ is not a text")
            }
            notes[note.name] = text
        }
        return notes
    }

    private static func entry(_ name: String, _ value: OrderedJSON, _ path: String) throws
        -> Entry
    {
        func malformed(_ rule: String) -> CheckpointError {
            .malformed(file: path, rule: "'\(name)' \(rule)")
        }
        guard let type = value["dtype"]?.text, let shape = value["shape"]?.integers,
            let offsets = value["data_offsets"]?.integers, offsets.count == 2
        else { throw malformed("lacks its dtype, shape or data_offsets") }
        guard let dtype = types[type] else {
            throw CheckpointError.unsupported(
                file: path, what: "the element type \(type) of '\(name)'",
                mend: "Convert the file to F32, F16 or BF16.")
        }
        guard shape.count <= Shape.mostAxes else {
            throw malformed("has \(shape.count) axes, at most \(Shape.mostAxes) are allowed")
        }
        guard let count = shape.checkedElementCount else {
            throw malformed("has the impossible shape \(shape)")
        }
        let (size, overflow) = count.multipliedReportingOverflow(by: dtype.byteCount)
        guard !overflow else { throw malformed("has the impossible shape \(shape)") }
        guard offsets[0] >= 0, offsets[1] >= offsets[0], offsets[1] - offsets[0] == size else {
            throw malformed(
                "has \(size) bytes by its shape, \(offsets[0]) to \(offsets[1]) by its offsets")
        }
        return Entry(name: name, dtype: dtype, shape: shape, range: offsets[0]..<offsets[1])
    }

    /// Checks that the tensors lie end to end from 0, and returns where they end.
    private static func tile(_ entries: [Entry], _ path: String) throws -> Int {
        var end = 0
        let ordered = entries.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        for entry in ordered {
            guard entry.range.lowerBound == end else {
                throw CheckpointError.malformed(
                    file: path,
                    rule: "'\(entry.name)' starts at byte \(entry.range.lowerBound) of the data, "
                        + "the one before ends at \(end)")
            }
            end = entry.range.upperBound
        }
        return end
    }
}
