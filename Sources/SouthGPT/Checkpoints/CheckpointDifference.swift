import Glibc
import ModelZoo
import TensorCore

/// How two checkpoints differ, in whatever formats they are.
public struct CheckpointDifference: Encodable, Sendable {
    /// A tensor that both have.
    public struct Row: Encodable, Sendable {
        public let name: String
        public let first: String
        public let second: String
        /// The largest difference of two numbers; nil where the shapes differ.
        public let largest: Double?
    }

    /// Names that only one has.
    public let onlyInFirst: [String]
    public let onlyInSecond: [String]
    /// Tensors whose shape, type or numbers differ.
    public let different: [Row]
    /// How many agree in everything.
    public let equal: Int
    /// Whether nothing but types differs by more than the tolerance.
    public let isEqual: Bool

    /// Compares two files or folders. GGUF files of language models are compared under the names of
    /// Hugging Face.
    ///
    /// - Throws: `CheckpointError`
    public init(
        _ first: String, _ second: String, tolerance: Double = 0,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        func open(_ path: String) throws -> Checkpoint {
            let files = LanguageModel.isAlone(at: path) ? try? LLaMAFiles(path) : nil
            return try files?.checkpoint ?? Checkpoint.anywhere(path)
        }
        let (a, b) = (try open(first), try open(second))
        onlyInFirst = a.tensors.map(\.name).filter { b[$0] == nil }
        onlyInSecond = b.tensors.map(\.name).filter { a[$0] == nil }
        var (rows, equal, isEqual) = ([Row](), 0, onlyInFirst.isEmpty && onlyInSecond.isEmpty)
        for (index, left) in a.tensors.enumerated() {
            guard let right = b[left.name] else { continue }
            progress(index, a.tensors.count)
            let largest = try CheckpointDifference.largest(left, right)
            if largest == 0 && left.dtype == right.dtype {
                equal += 1
                continue
            }
            if !(largest.map { $0 <= tolerance } ?? false) { isEqual = false }
            rows.append(
                Row(
                    name: left.name, first: "\(left.dtype) \(left.shape)",
                    second: "\(right.dtype) \(right.shape)", largest: largest))
        }
        (different, self.equal, self.isEqual) = (rows, equal, isEqual)
    }

    private static func largest(_ a: StoredTensor, _ b: StoredTensor) throws -> Double? {
        guard a.shape == b.shape else { return nil }
        let (left, right) = (try a.tensor(), try b.tensor())
        var (largest, start) = (0.0, 0)
        left.forEachStretch { part in
            let rows = part.rank > 0 ? part.shape[0] : 1
            let other = part.rank > 0 ? right.sliced(0, start..<(start + rows)) : right
            start += rows
            largest = max(largest, difference(part, other))
        }
        a.forget()
        b.forget()
        return largest
    }

    private static func haveSameBytes(_ a: Tensor, _ b: Tensor) -> Bool {
        a.withBytes { left in
            b.withBytes { right in
                guard let x = left.baseAddress, let y = right.baseAddress else { return true }
                return memcmp(x, y, left.count) == 0
            }
        }
    }

    /// In the types that hold them: neither whole numbers nor long fractions fit `float32`.
    private static func difference(_ a: Tensor, _ b: Tensor) -> Double {
        if a.dtype == b.dtype && haveSameBytes(a, b) { return 0 }
        if !a.dtype.isFloatingPoint && !b.dtype.isFloatingPoint {
            return zip(a.integers(), b.integers()).reduce(0) { largest, pair in
                let (low, high) = (min(pair.0, pair.1), max(pair.0, pair.1))
                return max(largest, Double(UInt(bitPattern: high &- low)))
            }
        }
        return zip(a.doubles(), b.doubles()).reduce(0) { largest, pair in
            let (x, y) = pair
            if x == y || (x.isNaN && y.isNaN) { return largest }
            return (x - y).isNaN ? .infinity : max(largest, abs(x - y))
        }
    }

    /// A line for each difference, and one for all.
    public var lines: [String] {
        onlyInFirst.map { "only in the first: \($0)" }
            + onlyInSecond.map { "only in the second: \($0)" }
            + different.map { row in
                let kinds = row.first == row.second ? row.first : "\(row.first), \(row.second)"
                return "\(row.name): \(kinds)"
                    + (row.largest.map { ", largest difference \($0)" } ?? "")
            } + [
                "\(equal) equal, \(different.count) different, "
                    + "\(onlyInFirst.count) and \(onlyInSecond.count) in one only"
            ]
    }
}
