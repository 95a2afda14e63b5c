import TensorCore

/// A file within an archive.
package struct ArchiveMember: Hashable, Sendable {
    /// The archive's path.
    package let archive: String
    /// Its name there.
    package let name: String
    /// Where its bytes lie.
    package let range: Range<Int>
}

/// What a webdataset shard holds: members that follow one another and share a name up to its first
/// dot make one sample. Nothing is unpacked, and links, folders and devices are passed over.
///
/// - Source: POSIX.1-2001 pax interchange format; GNU tar's long names; webdataset's naming
struct TarIndex: Sendable {
    struct Sample: Sendable {
        let key: String
        var members: [String: ArchiveMember]
    }

    private(set) var samples: [Sample] = []
    private let file: ByteFile

    /// Names and extended headers longer than this are no names.
    private static let nameLimit = 1 << 16
    private static let membersOfASample = 64

    init(_ file: ByteFile, limits: RecordLimits) throws {
        self.file = file
        var (position, nextName, nextSize) = (0, String?.none, Int?.none)
        while true {
            guard position + TarHeader.blockSize <= file.count else {
                throw fault(
                    at: position, "the end of the file", "the mark that ends an archive",
                    "Was the download complete?")
            }
            let block = try file.bytes(position..<position + TarHeader.blockSize)
            guard let header = try checked(at: position, { try TarHeader(block) }) else { return }
            let start = position + TarHeader.blockSize
            let isSpecial = [UInt8(ascii: "L"), UInt8(ascii: "K"), UInt8(ascii: "x")]
                .contains(header.kind)
            // Links state the size of what they point to.
            let isEmpty = (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(header.kind)
            let size = isEmpty ? 0 : isSpecial ? header.size : nextSize ?? header.size
            guard size >= 0, size <= file.count - start else {
                throw fault(
                    at: position, "'\(excerpt(header.name))' of \(size) bytes",
                    "at most the \(file.count - start) that follow", "Was the download complete?")
            }
            let range = start..<start + size
            if isSpecial {
                guard size <= TarIndex.nameLimit else {
                    throw fault(
                        at: position, "a name of \(size) bytes", "a shorter one",
                        "Is it a tar archive?")
                }
                let bytes = try file.bytes(range)
                if header.kind == UInt8(ascii: "L") { nextName = TarHeader.text(bytes) }
                if header.kind == UInt8(ascii: "x") {
                    let records = try checked(at: position) { try TarHeader.paxRecords(bytes) }
                    nextName = records["path"] ?? nextName
                    if let stated = records["size"] {
                        guard let size = Int(stated), size >= 0 else {
                            throw fault(
                                at: position, "the size '\(excerpt(stated))'", "a number",
                                "Is it a tar archive?")
                        }
                        nextSize = size
                    }
                }
            } else {
                if [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(header.kind) {
                    try add(nextName ?? header.name, range, at: position)
                }
                (nextName, nextSize) = (nil, nil)
            }
            position = start + (size + 511) / 512 * 512
        }
    }

    private func checked<Value>(at position: Int, _ read: () throws -> Value) throws -> Value {
        do {
            return try read()
        } catch let problem as TableFault {
            throw fault(
                at: position, problem.found, "a header of a tar archive",
                "Is the file a tar archive, not compressed, and whole?")
        }
    }

    private func fault(
        at position: Int, _ found: String, _ expected: String, _ mend: String
    ) -> DatasetError {
        .malformed(
            file: file.path, line: nil, found: "\(found) at byte \(position)",
            expected: expected, mend: mend)
    }

    private mutating func add(_ name: String, _ range: Range<Int>, at position: Int) throws {
        var parts = name.split(separator: "/", omittingEmptySubsequences: true)[...]
        while parts.first == "." { parts.removeFirst() }
        // Systems leave hidden files of their own in archives.
        guard let last = parts.last, !last.hasPrefix("."), let dot = last.firstIndex(of: ".") else {
            return
        }
        guard !name.hasPrefix("/"), !parts.contains("..") else {
            throw fault(
                at: position, "the name '\(excerpt(name))'", "one within the archive",
                "Do not trust this archive.")
        }
        let key = (parts.dropLast() + [last[..<dot]]).joined(separator: "/")
        let ending = last[last.index(after: dot)...].lowercased()
        let member = ArchiveMember(
            archive: file.path, name: parts.joined(separator: "/"), range: range)
        if samples.last?.key != key { samples.append(Sample(key: key, members: [:])) }
        let index = samples.count - 1
        guard samples[index].members[ending] == nil,
            samples[index].members.count < TarIndex.membersOfASample
        else {
            throw fault(
                at: position, "'\(excerpt(name))' again", "each ending once for a name",
                "Pack the shard anew.")
        }
        samples[index].members[ending] = member
    }

    /// A sample as a record: the values of its `.json`, its `.txt` as `caption`, and its other
    /// members.
    func record(_ index: Int, place: RecordPlace, limits: RecordLimits) throws -> Record {
        let sample = samples[index]
        func small(_ member: ArchiveMember) throws -> [UInt8] {
            guard member.range.count <= limits.recordBytes else {
                throw DatasetError.badRecord(
                    place, found: "'\(excerpt(member.name))' of \(member.range.count) bytes",
                    expected: "at most \(limits.recordBytes)", mend: "Mend or remove the record.")
            }
            return try file.bytes(member.range)
        }
        var fields: [String: OrderedJSON] = [:]
        if let member = sample.members["json"] {
            fields = try Record.parse(try small(member), place, limits)
        }
        for ending in ["txt", "caption"] where fields["caption"] == nil {
            guard let member = sample.members[ending] else { continue }
            fields["caption"] = .string(String(decoding: try small(member), as: UTF8.self))
        }
        return Record(
            place: place, fields: fields,
            members: sample.members.filter { !["json", "txt", "caption"].contains($0.key) },
            limits: limits)
    }
}
