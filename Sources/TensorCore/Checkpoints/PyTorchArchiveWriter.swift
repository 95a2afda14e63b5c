extension PyTorchArchive {
    /// Writes a map of tensors as `torch.save` does, one storage each, without building the file
    /// in memory. `torch.load(weights_only=True)` reads it, mapped too.
    ///
    /// - Parameter metadata: notes as safetensors has them, in an entry that torch passes over
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
        try AtomicFile.checkNames(tensors.map(\.name), path)
        try AtomicFile.checkTypes(tensors.map { ($0.name, $0.dtype) }, path)
        try AtomicFile.write(to: path) { file in
            var zip = ZipWriter(file)
            try zip.add("archive/data.pkl", PickleWriter.pickle(tensors))
            try zip.add("archive/byteorder", Array("little".utf8))
            for (index, tensor) in tensors.enumerated() {
                progress(index)
                try tensor.tensor().withBytes { try zip.add("archive/data/\(index)", $0) }
                tensor.forget()
            }
            try zip.add("archive/version", Array("3\n".utf8))
            if !metadata.isEmpty {
                let notes = metadata.sorted { $0.key < $1.key }.map {
                    "\(OrderedJSON.quoted($0.key)):\(OrderedJSON.quoted($0.value))"
                }
                try zip.add(
                    "archive/\(metadataEntry)", Array("{\(notes.joined(separator: ","))}".utf8))
            }
            try zip.finish()
        }
    }

    /// Writes tensors over files of at most `maxShardBytes` (more only where one tensor has more)
    /// in their order, and the index that says where each is; a single file where all fit.
    ///
    /// - Returns: the names of the files in `folder`, the index last
    /// - Throws: `CheckpointError.unwritable`
    @discardableResult
    public static func writeShards(
        _ tensors: [(name: String, value: Tensor)], maxShardBytes: Int, folder: String,
        stem: String = "pytorch_model"
    ) throws -> [String] {
        try writeShards(
            tensors.map { StoredTensor(name: $0.name, value: $0.value) },
            maxShardBytes: maxShardBytes, folder: folder, stem: stem)
    }

    /// Writes tensors as they are loaded, one at a time; see above.
    ///
    /// - Parameter progress: how many are written
    /// - Throws: `CheckpointError.unwritable`, or what loading a tensor throws
    @discardableResult
    public static func writeShards(
        _ tensors: [StoredTensor], maxShardBytes: Int, folder: String,
        stem: String = "pytorch_model", progress: (Int) -> Void = { _ in }
    ) throws -> [String] {
        try AtomicFile.checkNames(tensors.map(\.name), folder)
        var shards: [[StoredTensor]] = [[]]
        var filled = 0
        for tensor in tensors {
            if filled > 0 && filled + tensor.byteCount > maxShardBytes {
                shards.append([])
                filled = 0
            }
            shards[shards.count - 1].append(tensor)
            filled += tensor.byteCount
        }
        guard shards.count > 1 else {
            try write(tensors, to: "\(folder)/\(stem).bin", progress: progress)
            return ["\(stem).bin"]
        }
        var (names, places) = ([String](), [(name: String, file: String)]())
        for (index, shard) in shards.enumerated() {
            let name = "\(stem)-\(fiveDigits(index + 1))-of-\(fiveDigits(shards.count)).bin"
            let before = places.count
            try write(shard, to: "\(folder)/\(name)") { progress(before + $0) }
            names.append(name)
            places += shard.map { ($0.name, name) }
        }
        let total = tensors.reduce(0) { $0 + $1.byteCount }
        let lines = places.sorted { $0.name < $1.name }.map {
            "    \(OrderedJSON.quoted($0.name)): \(OrderedJSON.quoted($0.file))"
        }
        let index = "\(stem).bin.index.json"
        try AtomicFile.write(to: "\(folder)/\(index)") { file in
            try file.write(
                "{\n  \"metadata\": {\n    \"total_size\": \(total)\n  },\n  \"weight_map\": {\n"
                    + lines.joined(separator: ",\n") + "\n  }\n}\n")
        }
        return names + [index]
    }
}

/// A number as the names of shards have it.
func fiveDigits(_ number: Int) -> String {
    String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
}

/// Writes a zip file of stored entries whose bytes start at multiples of 64, so that a mapping of
/// the file gives aligned tensors.
private struct ZipWriter {
    private let file: AtomicFile
    private var directory: [UInt8] = []
    private var count = 0

    init(_ file: AtomicFile) { self.file = file }

    mutating func add(_ name: String, _ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try add(name, $0) }
    }

    mutating func add(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
        let start = file.offset
        let size = bytes.count
        let isLarge = size >= 0xFFFF_FFFF
        let shortSize = littleEndian(isLarge ? UInt32.max : UInt32(size))
        // Version 4.5 where 64-bit sizes are, 2.0 elsewhere; UTF-8 names; stored; 1 January 1980.
        let beginning =
            littleEndian(UInt16(isLarge ? 45 : 20)) + littleEndian(UInt16(0x0800)) + [0, 0]
            + [0, 0, 0x21, 0]
        let wide =
            isLarge
            ? [1, 0, 16, 0] + littleEndian(UInt64(size)) + littleEndian(UInt64(size)) : []
        let name = Array(name.utf8)
        let unpadded = start + 30 + name.count + wide.count + 4
        let padding = (64 - unpadded % 64) % 64
        let filler =
            Array("FB".utf8) + littleEndian(UInt16(padding))
            + [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
        try file.write(littleEndian(UInt32(0x0403_4B50)) + beginning + [0, 0, 0, 0])
        try file.write(shortSize + shortSize + littleEndian(UInt16(name.count)))
        try file.write(littleEndian(UInt16(wide.count + filler.count)) + name + wide + filler)

        // One pass over the elements: the checksum is put into the header afterwards.
        var checksum: UInt32 = 0
        for from in stride(from: 0, to: size, by: 1 << 24) {
            let part = UnsafeRawBufferPointer(rebasing: bytes[from..<min(from + 1 << 24, size)])
            checksum = ZipArchive.checksum(part, after: checksum)
            try file.write(part)
        }
        try file.overwrite(at: start + 14, littleEndian(checksum))

        let isFar = start >= 0xFFFF_FFFF
        var wideEntry: [UInt8] = []
        if isLarge { wideEntry += littleEndian(UInt64(size)) + littleEndian(UInt64(size)) }
        if isFar { wideEntry += littleEndian(UInt64(start)) }
        if !wideEntry.isEmpty {
            wideEntry = [1, 0] + littleEndian(UInt16(wideEntry.count)) + wideEntry
        }
        directory += littleEndian(UInt32(0x0201_4B50))
        directory += littleEndian(UInt16(wideEntry.isEmpty ? 20 : 45)) + beginning
        directory += littleEndian(checksum) + shortSize + shortSize
        directory += littleEndian(UInt16(name.count)) + littleEndian(UInt16(wideEntry.count))
        directory += [UInt8](repeating: 0, count: 10)
        directory += littleEndian(isFar ? UInt32.max : UInt32(start)) + name + wideEntry
        count += 1
    }

    func finish() throws {
        let start = file.offset
        try file.write(directory)
        let end = file.offset
        let counts = littleEndian(UInt64(count)) + littleEndian(UInt64(count))
        try file.write(
            littleEndian(UInt32(0x0606_4B50)) + littleEndian(UInt64(44)) + [45, 0, 45, 0]
                + [UInt8](repeating: 0, count: 8) + counts
                + littleEndian(UInt64(directory.count)) + littleEndian(UInt64(start)))
        try file.write(
            littleEndian(UInt32(0x0706_4B50)) + [0, 0, 0, 0] + littleEndian(UInt64(end))
                + [1, 0, 0, 0])
        let shortCount = littleEndian(UInt16(min(count, 0xFFFF)))
        try file.write(
            littleEndian(UInt32(0x0605_4B50)) + [0, 0, 0, 0] + shortCount + shortCount
                + littleEndian(UInt32(min(directory.count, 0xFFFF_FFFF)))
                + littleEndian(UInt32(min(start, 0xFFFF_FFFF))) + [0, 0])
    }
}
