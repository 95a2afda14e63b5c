/// A random order of `0..<count` that any position can be asked of at once: nothing is stored and
/// nothing has to be drawn before it, so resuming in the middle of an epoch is free.
///
/// A keyed Feistel network permutes the smallest square of a power of two that holds `count`;
/// values that fall outside are sent through again until they fall inside (Black and Rogaway,
/// "Ciphers with arbitrary finite domains", 2002).
public struct Permutation: RandomAccessCollection, Sendable {
    /// How many indices there are.
    public let count: Int
    private let halfBits: UInt64
    private let keys: [UInt64]

    /// The order that `seed` stands for.
    public init(count: Int, seed: UInt64) {
        precondition(count >= 0, "Permutation: \(count) indices")
        self.count = count
        var half: UInt64 = 1
        while half < 31, 1 << (2 * half) < UInt64(count) { half += 1 }
        halfBits = half
        keys = (0..<6).map { mixed(seed, UInt64($0)) }
    }

    /// Always zero.
    public var startIndex: Int { 0 }
    /// Same as `count`.
    public var endIndex: Int { count }

    /// The index at `position`.
    public subscript(position: Int) -> Int {
        precondition(position >= 0 && position < count, "Permutation: \(position) of \(count)")
        let mask = (1 << halfBits) - 1 as UInt64
        var value = UInt64(position)
        repeat {
            var (left, right) = (value >> halfBits, value & mask)
            for key in keys { (left, right) = (right, left ^ (mixed(key, right) & mask)) }
            value = left << halfBits | right
        } while value >= UInt64(count)
        return Int(value)
    }
}

/// 64 well-mixed bits of two numbers (SplitMix64's finaliser, twice).
func mixed(_ a: UInt64, _ b: UInt64) -> UInt64 {
    func finalize(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
    return finalize(finalize(a) ^ b)
}
