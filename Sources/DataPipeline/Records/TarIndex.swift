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
/// Eight bytes a member and four a sample are kept; what a member is called and how long it is are
/// read again when its sample is asked for.
///
/// - Source: POSIX.1-2001 pax interchange format; GNU tar's long names; webdataset's naming
struct TarIndex: Sendable {
    /// How many samples there are.
    var count: Int { firsts.count }
    /// Where the first header of each member lies.
    private var members: [UInt64] = []
    /// Of each sample, its first member.
    private var firsts: [UInt32] = []
    private let file: ByteFile

    /// Names and extended headers longer than this are no names.
    private static let nameLimit = 1 << 16
    private static let membersOfASample = 64

    init(_ file: ByteFile) throws {
        self.file = file
        var (position, key) = (0, String?.none)
        var endings: Set<String> = []
        while let entry = try entry(at: position) {
            defer { position = entry.end }
            guard let name = try memberName(of: entry, at: position) else { continue }
            if name.key != key {
                firsts.append(UInt32(clamping: members.count))
                (key, endings) = (name.key, [])
            }
            guard endings.count < TarIndex.membersOfASample, endings.insert(name.ending).inserted
            else {
                throw fault(
                    at: position, "'\(excerpt(entry.name))' again", "each ending once for a name",
                    "Pack the shard anew.")
            }
            members.append(UInt64(position))
        }
    }

    /// A header, after those that only say what it is called.
    private struct Entry {
        let name: String
        let range: Range<Int>
        let kind: UInt8

        /// Where the next one begins.
        var end: Int { range.lowerBound + (range.count + 511) / 512 * 512 }
    }

    /// The entry whose headers begin there; nil at the mark that ends the archive.
    private func entry(at begin: Int) throws -> Entry? {
        var (position, nextName, nextSize) = (begin, String?.none, Int?.none)
        while true {
            guard position + TarHeader.blockSize <= file.count else {
                throw fault(
                    at: position, "the end of the file", "the mark that ends an archive",
                    "Was the download complete?")
            }
            let block = try file.bytes(position..<position + TarHeader.blockSize)
            guard let header = try checked(at: position, { try TarHeader(block) }) else {
                return nil
            }
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
            guard isSpecial else {
                return Entry(name: nextName ?? header.name, range: range, kind: header.kind)
            }
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

    /// What an entry is called, cut where webdataset cuts it; nil for what belongs to no sample.
    private func memberName(
        of entry: Entry, at position: Int
    ) throws -> (whole: String, key: String, ending: String)? {
        guard [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(entry.kind) else { return nil }
        var parts = entry.name.split(separator: "/", omittingEmptySubsequences: true)[...]
        while parts.first == "." { parts.removeFirst() }
        // Systems leave hidden files of their own in archives.
        guard let last = parts.last, !last.hasPrefix("."), let dot = last.firstIndex(of: ".") else {
            return nil
        }
        guard !entry.name.hasPrefix("/"), !parts.contains("..") else {
            throw fault(
                at: position, "the name '\(excerpt(entry.name))'", "one within the archive",
                "Do not trust this archive.")
        }
        return (
            parts.joined(separator: "/"),
            (parts.dropLast() + [last[..<dot]]).joined(separator: "/"),
            last[last.index(after: dot)...].lowercased()
        )
    }

    /// The members of a sample, by their endings.
    private func members(of sample: Int) throws -> [String: ArchiveMember] {
        let end = sample + 1 < firsts.count ? Int(firsts[sample + 1]) : members.count
        var found: [String: ArchiveMember] = [:]
        for position in members[Int(firsts[sample])..<end].map(Int.init) {
            guard let entry = try entry(at: position),
                let name = try memberName(of: entry, at: position)
            else {
                throw fault(
                    at: position, "another member", "the one that was there",
                    "Was the file changed while it was read?")
            }
            found[name.ending] = ArchiveMember(
                archive: file.path, name: name.whole, range: entry.range)
        }
        return found
    }

    /// A sample as a record: the values of its `.json`, its `.txt` as `caption`, and its other
    /// members.
    func record(_ index: Int, place: RecordPlace, limits: RecordLimits) throws -> Record {
        let sample = try members(of: index)
        func small(_ member: ArchiveMember) throws -> [UInt8] {
            guard member.range.count <= limits.recordBytes else {
                throw DatasetError.badRecord(
                    place, found: "'\(excerpt(member.name))' of \(member.range.count) bytes",
                    expected: "at most \(limits.recordBytes)", mend: "Mend or remove the record.")
            }
            return try file.bytes(member.range)
        }
        var fields: [String: OrderedJSON] = [:]
        if let member = sample["json"] {
            fields = try Record.parse(try small(member), place, limits)
        }
        for ending in ["txt", "caption"] where fields["caption"] == nil {
            guard let member = sample[ending] else { continue }
            fields["caption"] = .string(String(decoding: try small(member), as: UTF8.self))
        }
        return Record(
            place: place, fields: fields,
            members: sample.filter { !["json", "txt", "caption"].contains($0.key) },
            limits: limits)
    }
}
