internal import CSouthZlib

/// The central directory of a zip file, and the bytes of its entries.
///
/// Source: PKWARE's APPNOTE 6.3, with the 64-bit records that PyTorch writes.
package struct ZipArchive {
    /// One entry of the central directory.
    struct Entry {
        let name: String
        let method: UInt16
        let checksum: UInt32
        let storedCount: Int
        let byteCount: Int
        let headerOffset: Int
    }

    /// Bytes and what keeps them alive.
    struct Contents {
        let bytes: UnsafeRawBufferPointer
        let owner: any AnyObject & Sendable
    }

    let file: MappedFile
    let entries: [Entry]
    private let index: [String: Int]

    /// Reads the central directory.
    ///
    /// - Throws: `CheckpointError.malformed`, also for a file that is cut short
    init(_ file: MappedFile) throws {
        self.file = file
        let directory = try ZipArchive.directory(of: file)
        var cursor = ByteCursor(file, in: directory.range, of: "the zip's directory")
        var entries: [Entry] = []
        var index: [String: Int] = [:]
        // Entries that share bytes could be inflated to any size.
        var (room, inflated) = (file.bytes.count, 0)
        for _ in 0..<directory.count {
            let entry = try ZipArchive.entry(&cursor)
            guard entry.storedCount <= room else {
                throw cursor.malformed("the zip's entries are larger than it is")
            }
            room -= entry.storedCount
            // Deflate shrinks by no more than 1032 to 1: a greater size is a lie.
            guard entry.method == 0 || entry.byteCount / 1032 <= entry.storedCount else {
                throw cursor.malformed("the zip entry '\(entry.name)' does not inflate")
            }
            if entry.method != 0 { inflated += entry.byteCount }
            guard index.updateValue(entries.count, forKey: entry.name) == nil else {
                throw cursor.malformed("the zip has two entries '\(entry.name)'")
            }
            entries.append(entry)
        }
        (self.entries, self.index) = (entries, index)
        guard inflated <= file.mostExpanded else {
            throw cursor.malformed(
                "the zip inflates to \(inflated) bytes, at most \(file.mostExpanded) are read")
        }
    }

    subscript(name: String) -> Entry? { index[name].map { entries[$0] } }

    private static func directory(of file: MappedFile) throws -> (range: Range<Int>, count: Int) {
        let bytes = file.bytes
        func malformed(_ rule: String) -> CheckpointError {
            .malformed(file: file.path, rule: rule)
        }
        let earliest = max(0, bytes.count - 22 - 0xFFFF)
        guard bytes.count >= 22,
            let end = (earliest...(bytes.count - 22)).reversed().first(where: {
                bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self) == 0x0605_4B50
            })
        else { throw malformed("the zip has no end record: it is cut short") }
        var cursor = ByteCursor(file, in: end..<bytes.count, of: "the zip's end record")
        try cursor.skip(10)
        var (count, size) = (Int(try cursor.read(UInt16.self)), Int(try cursor.read(UInt32.self)))
        var offset = Int(try cursor.read(UInt32.self))
        let hasWideRecord =
            end >= 20
            && bytes.loadUnaligned(fromByteOffset: end - 20, as: UInt32.self) == 0x0706_4B50
        if hasWideRecord {
            let wide = try ByteCursor.size(
                bytes.loadUnaligned(fromByteOffset: end - 12, as: UInt64.self), file)
            guard wide <= end - 20 - 56 else { throw malformed("the zip's end record is wrong") }
            cursor = ByteCursor(file, in: wide..<end, of: "the zip's end record")
            guard try cursor.read(UInt32.self) == 0x0606_4B50 else {
                throw malformed("the zip's end record is wrong")
            }
            try cursor.skip(28)
            count = try cursor.readSize()
            size = try cursor.readSize()
            offset = try cursor.readSize()
        }
        guard offset <= end, size <= end - offset, count <= size / 46 else {
            throw malformed("the zip's directory lies outside of the file")
        }
        return (offset..<(offset + size), count)
    }

    private static func entry(_ cursor: inout ByteCursor) throws -> Entry {
        guard try cursor.read(UInt32.self) == 0x0201_4B50 else {
            throw cursor.malformed("the zip's directory is damaged")
        }
        try cursor.skip(4)
        let flags = try cursor.read(UInt16.self)
        let method = try cursor.read(UInt16.self)
        try cursor.skip(4)
        let checksum = try cursor.read(UInt32.self)
        var sizes = [Int(try cursor.read(UInt32.self)), Int(try cursor.read(UInt32.self))]
        let nameCount = Int(try cursor.read(UInt16.self))
        let extraCount = Int(try cursor.read(UInt16.self))
        let commentCount = Int(try cursor.read(UInt16.self))
        try cursor.skip(8)
        sizes.append(Int(try cursor.read(UInt32.self)))
        let name = try cursor.text(nameCount)
        let extraEnd = cursor.position + extraCount
        // The 64-bit record holds, in order, just those of the three that did not fit.
        while cursor.position + 4 <= extraEnd {
            let (kind, length) = (try cursor.read(UInt16.self), Int(try cursor.read(UInt16.self)))
            let next = cursor.position + length
            if kind == 1 {
                for position in [1, 0, 2] where sizes[position] == 0xFFFF_FFFF {
                    guard cursor.position + 8 <= next else { break }
                    sizes[position] = try cursor.readSize()
                }
            }
            try cursor.skip(next - cursor.position)
        }
        try cursor.skip(max(extraEnd - cursor.position, 0) + commentCount)
        guard flags & 1 == 0 else { throw cursor.malformed("the entry '\(name)' is encrypted") }
        return Entry(
            name: name, method: method, checksum: checksum, storedCount: sizes[0],
            byteCount: sizes[1], headerOffset: sizes[2])
    }

    /// Where an entry's stored bytes lie in the file.
    private func window(of entry: Entry) throws -> UnsafeRawBufferPointer {
        let what = "the zip entry '\(entry.name)'"
        let header = try file.window(entry.headerOffset, 30, of: what)
        guard header.loadUnaligned(as: UInt32.self) == 0x0403_4B50 else {
            throw CheckpointError.malformed(file: file.path, rule: "\(what) has no header")
        }
        let name = Int(header.loadUnaligned(fromByteOffset: 26, as: UInt16.self))
        let extra = Int(header.loadUnaligned(fromByteOffset: 28, as: UInt16.self))
        return try file.window(
            entry.headerOffset + 30 + name + extra, entry.storedCount, of: what)
    }

    /// An entry's bytes: a view of the file where it is stored, a copy where it is deflated.
    ///
    /// - Parameter checking: whether the checksum is computed, which reads all of it
    func contents(of entry: Entry, checking: Bool = false) throws -> Contents {
        let stored = try window(of: entry)
        let contents: Contents
        switch entry.method {
        case 0 where entry.storedCount == entry.byteCount:
            contents = Contents(bytes: stored, owner: file)
        case 8: contents = try inflated(stored, entry)
        default:
            throw CheckpointError.malformed(
                file: file.path,
                rule: "the zip entry '\(entry.name)' is packed by method \(entry.method)")
        }
        if checking && ZipArchive.checksum(contents.bytes) != entry.checksum {
            throw CheckpointError.malformed(
                file: file.path, rule: "the zip entry '\(entry.name)' has a wrong checksum")
        }
        return contents
    }

    /// Lets the system take back the pages that hold an entry.
    func forget(_ entry: Entry) {
        guard let start = file.bytes.baseAddress, let stored = try? window(of: entry).baseAddress
        else { return }
        file.forget((stored - start)..<(stored - start + entry.storedCount))
    }

    private func inflated(_ stored: UnsafeRawBufferPointer, _ entry: Entry) throws -> Contents {
        let failure = CheckpointError.malformed(
            file: file.path, rule: "the zip entry '\(entry.name)' does not inflate")
        // zlib counts in 32 bits.
        guard entry.byteCount <= Int(UInt32.max), stored.count <= Int(UInt32.max) else {
            throw failure
        }
        let storage = HostStorage(byteCount: entry.byteCount)
        guard let target = storage.hostPointer else { throw failure }
        var stream = z_stream()
        guard
            inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw failure }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(
            mutating: stored.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(stored.count)
        stream.next_out = target.bindMemory(to: UInt8.self, capacity: entry.byteCount)
        stream.avail_out = UInt32(entry.byteCount)
        guard inflate(&stream, Z_FINISH) == Z_STREAM_END, stream.avail_out == 0 else {
            throw failure
        }
        return Contents(
            bytes: UnsafeRawBufferPointer(start: target, count: entry.byteCount), owner: storage)
    }

    /// The CRC-32 of bytes, continuing from that of those before.
    package static func checksum(_ bytes: UnsafeRawBufferPointer, after crc: UInt32 = 0) -> UInt32 {
        UInt32(
            truncatingIfNeeded: crc32_z(
                UInt(crc), bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
    }
}
