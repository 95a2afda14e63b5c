import ModelZoo
import TensorCore

/// What is in a checkpoint, for people and machines.
public struct CheckpointListing: Encodable, Sendable {
    /// One tensor.
    public struct Row: Encodable, Sendable {
        public let name: String
        public let dtype: String
        public let shape: [Int]
        public let bytes: Int
        public let file: String
        /// Of its numbers, where they were read: NaN and infinite ones apart.
        public var least: Float?
        public var greatest: Float?
        public var notNumbers: Int?
        public var infinite: Int?
    }

    public let file: String
    public private(set) var tensors: [Row]
    /// Numbers in all.
    public let parameters: Int
    public let bytes: Int
    public let metadata: [String: String]

    /// NaN and infinite numbers in all; 0 where they were not looked for.
    public var brokenNumbers: Int {
        tensors.reduce(0) { $0 + ($1.notNumbers ?? 0) + ($1.infinite ?? 0) }
    }

    /// Lists a file or folder.
    ///
    /// - Parameter scanningValues: reads every number too, one tensor at a time
    /// - Parameter progress: tensors read, of how many
    /// - Throws: `CheckpointError`
    public init(
        _ path: String, scanningValues: Bool = false, progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        let checkpoint = try Checkpoint.anywhere(path)
        file = checkpoint.file
        tensors = checkpoint.tensors.map {
            Row(
                name: $0.name, dtype: $0.dtype.rawValue, shape: $0.shape, bytes: $0.byteCount,
                file: $0.file)
        }
        parameters = checkpoint.tensors.reduce(0) { $0 + $1.shape.elementCount }
        bytes = checkpoint.byteCount
        metadata = checkpoint.metadata
        guard scanningValues else { return }
        for (index, stored) in checkpoint.tensors.enumerated() {
            progress(index, checkpoint.tensors.count)
            try scan(stored, index)
        }
    }

    private mutating func scan(_ stored: StoredTensor, _ index: Int) throws {
        var (least, greatest) = (Float.infinity, -Float.infinity)
        var (notNumbers, infinite) = (0, 0)
        try stored.tensor().forEachStretch { part in
            for value in part.floats() {
                if value.isNaN {
                    notNumbers += 1
                } else if value.isInfinite {
                    infinite += 1
                } else {
                    least = min(least, value)
                    greatest = max(greatest, value)
                }
            }
        }
        stored.forget()
        if least <= greatest { (tensors[index].least, tensors[index].greatest) = (least, greatest) }
        (tensors[index].notNumbers, tensors[index].infinite) = (notNumbers, infinite)
    }

    /// A table: a line for each tensor, and one for all.
    public var lines: [String] {
        let rows = tensors.map { row in
            var cells = [row.name, row.dtype, "\(row.shape)"]
            if let notNumbers = row.notNumbers, let infinite = row.infinite {
                cells += [
                    row.least.map { "\($0)" } ?? "-", row.greatest.map { "\($0)" } ?? "-",
                    "\(notNumbers) NaN", "\(infinite) infinite",
                ]
            }
            return cells
        }
        var widths: [Int] = []
        for cells in rows {
            for (column, cell) in cells.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        let table = rows.map { cells in
            let padded = zip(cells, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
        return table + ["\(tensors.count) tensors, \(parameters) numbers, \(bytes) bytes"]
    }
}

extension Checkpoint {
    /// A checkpoint file, the weights in a folder, or the one GGUF file in it.
    ///
    /// - Throws: `CheckpointError`
    static func anywhere(_ path: String) throws -> Checkpoint {
        do {
            return try Checkpoint(path: path)
        } catch let error as CheckpointError {
            guard case .unreadable(let file, _) = error, file == path,
                LanguageModel.isAlone(at: path)
            else { throw error }
            if let gguf = try LLaMAFiles.gguf(at: path) { return gguf.checkpoint }
            guard let files = try? LLaMAFiles(path) else { throw error }
            return files.checkpoint
        }
    }
}
