/// Why a saved state of a generator could not be read.
public enum GeneratorStateError: Error, Equatable, CustomStringConvertible {
    /// Not as many bytes as PyTorch's states have.
    case wrongLength(found: Int)
    /// Numbers in it that no generator reaches.
    case unsound(rule: String)

    public var description: String {
        switch self {
        case .wrongLength(let found):
            "generator state: \(found) bytes, expected \(TorchGenerator.stateLength). "
                + "Was it saved by torch.get_rng_state() of the processor?"
        case .unsound(let rule):
            "generator state: \(rule). Was it saved whole?"
        }
    }
}

extension TorchGenerator {
    static let stateLength = 5056

    /// Where the fields of a saved state lie, in bytes. Words take eight, of which four count.
    private enum Place {
        static let (seed, left, seeded, next, words) = (0, 8, 12, 16, 24)
        static let spare = words + 8 * wordCount + 8
        static let hasSpare = spare + 16
    }

    /// Everything it needs to go on from here, in the bytes of `torch.Generator.get_state()`:
    /// what one saved the other resumes.
    public var state: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: TorchGenerator.stateLength)
        func put(_ value: some FixedWidthInteger, _ place: Int) {
            withUnsafeBytes(of: value.littleEndian) {
                bytes.replaceSubrange(place..<(place + $0.count), with: $0)
            }
        }
        // Before the first number none of the words counts as given out, but all are used up.
        put(seed, Place.seed)
        put(Int32(TorchGenerator.wordCount) + 1 - position, Place.left)
        put(Int32(1), Place.seeded)
        put(Int64(position), Place.next)
        for (index, word) in words.enumerated() { put(UInt64(word), Place.words + 8 * index) }
        if let spare {
            put(spare.bitPattern, Place.spare)
            put(Int32(1), Place.hasSpare)
        }
        return bytes
    }

    /// The generator that `state`, or `torch.Generator.get_state()`, saved.
    ///
    /// - Throws: `GeneratorStateError`
    public init(state bytes: [UInt8]) throws {
        guard bytes.count == TorchGenerator.stateLength else {
            throw GeneratorStateError.wrongLength(found: bytes.count)
        }
        func get<Value: FixedWidthInteger>(_ type: Value.Type, _ place: Int) -> Value {
            bytes.withUnsafeBytes {
                Value(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: type))
            }
        }
        let (left, next) = (get(Int32.self, Place.left), get(Int64.self, Place.next))
        let count = Int32(TorchGenerator.wordCount)
        guard get(Int32.self, Place.seeded) != 0 else {
            throw GeneratorStateError.unsound(rule: "it was never seeded")
        }
        // A fresh generator has one word left and none given out; else they add up.
        guard (1...count).contains(left), next == 0 || next == Int64(count + 1 - left),
            next != 0 || left == 1
        else {
            throw GeneratorStateError.unsound(
                rule: "\(left) words are left after \(next) of \(count)")
        }
        let words = (0..<TorchGenerator.wordCount).map {
            UInt32(truncatingIfNeeded: get(UInt64.self, Place.words + 8 * $0))
        }
        let spare =
            get(Int32.self, Place.hasSpare) == 0
            ? nil : Double(bitPattern: get(UInt64.self, Place.spare))
        self.init(
            seed: get(UInt64.self, Place.seed), words: words, position: count + 1 - left,
            spare: spare)
    }
}
