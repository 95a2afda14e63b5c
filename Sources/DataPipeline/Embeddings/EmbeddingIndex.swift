import Glibc
import ModelZoo
import TensorCore

/// What a folder of embeddings holds: of each file the caption it is of, who made it, and for whom.
/// It lies beside them as `index.tsv`, a line for each, later lines replacing earlier ones.
///
/// A file that no line names came from elsewhere, such as the original's own script.
struct EmbeddingIndex {
    /// What an embedding is filed under: 128 bits of the hash of modality, name and caption.
    struct Key: Hashable {
        let high: UInt64
        let low: UInt64

        init(_ modality: Modality, _ name: String, digest: UInt64) {
            var hash = SHA256()
            hash.update("\(modality.rawValue)\u{0}\(name)\u{0}\(digest)")
            let bytes = hash.finished()
            (high, low) = (bigEndian(bytes[0..<8]), bigEndian(bytes[8..<16]))
        }

        init(_ target: CaptionTarget) {
            self.init(
                target.modality, target.name, digest: EmbeddingIndex.digest(target.caption))
        }
    }

    /// A file of the folder.
    struct Entry {
        /// Its name; nil where it is the target's own with `.npy` behind it.
        let file: String?
        /// Which model made it, and from which file of captions, in the tables below.
        let model: UInt16
        let source: UInt16
    }

    /// One line.
    struct Line: Equatable {
        let file: String
        let modality: Modality
        let name: String
        let digest: UInt64
        let model: String
        let source: String

        var key: Key { Key(modality, name, digest: digest) }

        /// The line as it is written. Only names can hold what would end a field.
        var text: String {
            let digits = String(digest, radix: 16)
            let caption = String(repeating: "0", count: 16 - digits.count) + digits
            let name = file == "\(name).npy" ? "" : OrderedJSON.quoted(name)
            return [file, modality.rawValue, caption, model, source, name].joined(separator: "\t")
                + "\n"
        }

        init(
            file: String, modality: Modality, name: String, digest: UInt64, model: String,
            source: String
        ) {
            (self.file, self.modality, self.name) = (file, modality, name)
            (self.digest, self.model, self.source) = (digest, model, source)
        }

        /// Nil for what no line of ours looks like.
        init?(_ fields: [String]) {
            guard fields.count == 6, let modality = Modality(rawValue: fields[1]),
                fields[2].utf8.count == 16, let digest = UInt64(fields[2], radix: 16),
                fields[0].hasSuffix(".npy"), isFileName(fields[0])
            else { return nil }
            var name = String(fields[0].dropLast(4))
            if !fields[5].isEmpty {
                let bytes = Array(fields[5].utf8)
                let value = bytes.withUnsafeBytes { try? OrderedJSON($0) }
                guard let text = value?.text else { return nil }
                name = text
            }
            self.init(
                file: fields[0], modality: modality, name: name, digest: digest,
                model: fields[3], source: fields[4])
        }
    }

    static let fileName = "index.tsv"
    static let header = "file\tmodality\tcaption\tmodel\tsource\tname\n"

    private(set) var entries: [Key: Entry] = [:]
    private(set) var models: [String] = []
    private(set) var sources: [String] = []
    /// Which entry holds a file, by the hash of the file's name.
    private var holders: [UInt64: Key] = [:]

    /// Reads the index of a folder; that of a folder without one is empty.
    ///
    /// - Throws: `EmbeddingError.malformedIndex`; `DatasetError` for one that cannot be read
    init(folder: String) throws {
        let path = "\(folder)/\(EmbeddingIndex.fileName)"
        guard access(path, F_OK) == 0 else { return }
        let lines = try RecordFile(contentsOf: path, format: .jsonLines)
        for index in 0..<lines.count {
            let bytes = try lines.bytes(of: index)
            let text = String(decoding: bytes, as: UTF8.self)
            if index == 0, text + "\n" == EmbeddingIndex.header { continue }
            let fields = text.split(separator: "\t", omittingEmptySubsequences: false)
            if let line = Line(fields.map(String.init)) {
                try add(line)
            } else if index < lines.count - 1 {
                throw EmbeddingError.malformedIndex(
                    file: path, line: lines.place(of: index).line ?? 0,
                    found: "'\(excerpt(text))'")
            }
            // A last line that a killed run left half-written is passed over.
        }
    }

    /// The entry of a target.
    subscript(target: CaptionTarget) -> Entry? { entries[Key(target)] }

    /// Which entry holds the file of that name.
    func holder(of file: String) -> Key? { holders[EmbeddingIndex.digest(file)] }

    /// The file of an entry.
    func file(of entry: Entry, _ name: String) -> String { entry.file ?? "\(name).npy" }

    /// Adds a line, in memory. What held its file holds nothing any more.
    mutating func add(_ line: Line) throws {
        let (key, file) = (line.key, EmbeddingIndex.digest(line.file))
        if let former = holders[file], former != key { entries[former] = nil }
        holders[file] = key
        entries[key] = Entry(
            file: line.file == "\(line.name).npy" ? nil : line.file,
            model: try EmbeddingIndex.place(of: line.model, in: &models),
            source: try EmbeddingIndex.place(of: line.source, in: &sources))
    }

    private static func place(of text: String, in table: inout [String]) throws -> UInt16 {
        if let place = table.lastIndex(of: text) { return UInt16(place) }
        guard table.count < 1 << 16 else {
            throw DatasetError.malformed(
                file: fileName, line: nil, found: "more than 65536 models or sources",
                expected: "fewer", mend: "Use another folder for each model.")
        }
        table.append(text)
        return UInt16(table.count - 1)
    }

    /// 64 bits of a text's hash.
    static func digest(_ text: String) -> UInt64 {
        var hash = SHA256()
        hash.update(text)
        return bigEndian(hash.finished()[0..<8])
    }
}

private func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
}

/// Whether a name can be a file's within a folder, on every system that people copy files to.
func isFileName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 255 && !name.hasPrefix(".")
        && name.unicodeScalars.allSatisfy { scalar in
            scalar.properties.generalCategory != .control
                && !"/\\\u{2028}\u{2029}".unicodeScalars.contains(scalar)
        }
}
