// Byte strings as keys. Swift's `String` is no key here: it equates "é" with "e" and an accent,
// which a vocabulary keeps apart.

/// A set of byte strings with their indices, found without copying the key.
struct PieceTable: Sendable {
    private let bytes: [UInt8]
    private let ends: [Int]
    private let slots: [Int32]

    /// - Parameter keys: every string to find; where two are equal the first wins
    init(_ keys: [[UInt8]]) {
        bytes = Array(keys.joined())
        var (ends, end) = ([Int](), 0)
        for key in keys {
            end += key.count
            ends.append(end)
        }
        self.ends = ends
        var capacity = 16
        while capacity < 2 * keys.count { capacity *= 2 }
        slots = bytes.withUnsafeBytes { storage in
            var slots = [Int32](repeating: -1, count: capacity)
            for index in keys.indices {
                let start = index == 0 ? 0 : ends[index - 1]
                let key = UnsafeRawBufferPointer(rebasing: storage[start..<ends[index]])
                let found = Self.slot(of: key, slots, ends, storage)
                if slots[found] < 0 { slots[found] = Int32(index) }
            }
            return slots
        }
    }

    /// The index of a key.
    func find(_ key: UnsafeRawBufferPointer) -> Int? {
        bytes.withUnsafeBytes { storage in
            let index = slots[Self.slot(of: key, slots, ends, storage)]
            return index < 0 ? nil : Int(index)
        }
    }

    /// The index of a key.
    func find(_ key: some Sequence<UInt8>) -> Int? {
        Array(key).withUnsafeBytes { find($0) }
    }

    /// Where a key is, or the free slot where it would be.
    private static func slot(
        of key: UnsafeRawBufferPointer, _ slots: [Int32], _ ends: [Int],
        _ storage: UnsafeRawBufferPointer
    ) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: key)
        var slot = hasher.finalize() & (slots.count - 1)
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            let start = index == 0 ? 0 : ends[index - 1]
            if ends[index] - start == key.count,
                UnsafeRawBufferPointer(rebasing: storage[start..<ends[index]])
                    .elementsEqual(key)
            {
                return slot
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }
}

/// Byte strings to be found in a longer one: the longest that begins at a place.
struct ByteTrie: Sendable {
    private var children: [Int: Int32] = [:]
    /// −1 where no key ends.
    private var values: [Int32] = [-1]
    /// Whether a key begins with that byte: most places of a text are ruled out by this alone.
    private var begins = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { children.isEmpty }

    mutating func insert(_ key: some Sequence<UInt8>, value: Int) {
        var node = 0
        for byte in key {
            if node == 0 { begins[Int(byte)] = true }
            if let child = children[node << 8 | Int(byte)] {
                node = Int(child)
            } else {
                values.append(-1)
                children[node << 8 | Int(byte)] = Int32(values.count - 1)
                node = values.count - 1
            }
        }
        if node > 0 { values[node] = Int32(value) }
    }

    /// Gives `body` the value and the length of every key that `text` begins with.
    func forEachMatch(_ text: ArraySlice<UInt8>, _ body: (Int, Int) -> Void) {
        guard let first = text.first, begins[Int(first)] else { return }
        var (node, length) = (0, 0)
        for byte in text {
            guard let child = children[node << 8 | Int(byte)] else { return }
            node = Int(child)
            length += 1
            if values[node] >= 0 { body(Int(values[node]), length) }
        }
    }

    /// The value and the length of the longest key at the beginning of `text`.
    func longestMatch(_ text: ArraySlice<UInt8>) -> (value: Int, length: Int)? {
        guard let first = text.first, begins[Int(first)] else { return nil }
        var (node, length) = (0, 0)
        var best: (value: Int, length: Int)?
        for byte in text {
            guard let child = children[node << 8 | Int(byte)] else { break }
            node = Int(child)
            length += 1
            if values[node] >= 0 { best = (Int(values[node]), length) }
        }
        return best
    }
}
