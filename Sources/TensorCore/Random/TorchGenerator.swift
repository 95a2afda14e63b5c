import Glibc

/// PyTorch's generator of the processor: a seed gives the numbers that its users know.
///
/// Integers and uniform numbers are the same bits; normal ones differ by no more than PyTorch's
/// own builds do among themselves (3e-7).
///
/// - Source: torch 2.13 (the same since 1.6), `CPUGeneratorImpl`, Mersenne Twister 19937
public struct TorchGenerator: Sendable {
    private var state: [UInt32]
    private var position = 624
    /// The second half of a pair of single normal numbers, kept for the next.
    private var spare: Double?

    /// A generator as after `torch.manual_seed(seed)`. Only the low 32 bits count, as there.
    public init(seed: UInt64) {
        state = [UInt32](repeating: 0, count: 624)
        state[0] = UInt32(truncatingIfNeeded: seed)
        for index in 1..<624 {
            let before = state[index - 1]
            state[index] = 1_812_433_253 &* (before ^ (before >> 30)) &+ UInt32(index)
        }
    }

    /// The next 32 raw bits.
    public mutating func next() -> UInt32 {
        if position == 624 { twist() }
        var word = state[position]
        position += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C_5680
        word ^= (word << 15) & 0xEFC6_0000
        return word ^ (word >> 18)
    }

    private mutating func twist() {
        state.withUnsafeMutableBufferPointer { state in
            for index in 0..<624 {
                let following = index == 623 ? 0 : index + 1
                let far = index < 227 ? index + 397 : index - 227
                let joined = (state[index] & 0x8000_0000) | (state[following] & 0x7FFF_FFFF)
                state[index] =
                    state[far] ^ (joined >> 1) ^ (joined & 1 == 0 ? 0 : 0x9908_B0DF)
            }
        }
        position = 0
    }

    private mutating func next64() -> UInt64 {
        let high = UInt64(next())
        return high << 32 | UInt64(next())
    }

    private mutating func nextUniform() -> Float { Float(next() & 0xFF_FFFF) * 0x1p-24 }

    private mutating func nextUniform64() -> Double {
        Double(next64() & 0x1F_FFFF_FFFF_FFFF) * 0x1p-53
    }

    /// `count` numbers in [0, 1): `torch.rand`.
    public mutating func uniform(_ count: Int) -> [Float] {
        (0..<count).map { _ in nextUniform() }
    }

    /// `count` numbers of mean 0 and variance 1: `torch.randn` in `float32`.
    ///
    /// From 16 on they come in groups of 16; fewer come in pairs, the second of which waits for
    /// the next call.
    public mutating func normal(_ count: Int) -> [Float] {
        if count < 16 { return (0..<count).map { _ in Float(nextNormal()) } }
        var values = uniform(count)
        for start in stride(from: 0, through: count - 16, by: 16) {
            TorchGenerator.transform(&values, at: start)
        }
        if count % 16 != 0 {
            values.replaceSubrange((count - 16)..., with: uniform(16))
            TorchGenerator.transform(&values, at: count - 16)
        }
        return values
    }

    /// 2π, rounded to nearest as in C; `Float.pi` is rounded towards zero.
    static let turn = Float(2 * Double.pi)

    /// Box and Muller's transform of 16 uniform numbers, in place: eight radii, eight angles.
    private static func transform(_ values: inout [Float], at start: Int) {
        for index in start..<(start + 8) {
            let radius = (-2 * logf(1 - values[index])).squareRoot()
            let angle = TorchGenerator.turn * values[index + 8]
            values[index] = radius * cosf(angle)
            values[index + 8] = radius * sinf(angle)
        }
    }

    private mutating func nextNormal() -> Double {
        if let value = spare {
            spare = nil
            return value
        }
        let angle = 2 * Double.pi * nextUniform64()
        let radius = (-2 * log1p(-nextUniform64())).squareRoot()
        spare = radius * sin(angle)
        return radius * cos(angle)
    }

    /// `count` integers in `0..<bound`: `torch.randint(bound, …)`.
    public mutating func integers(_ count: Int, below bound: Int) -> [Int] {
        precondition(bound > 0, "integers below \(bound)")
        let range = UInt64(bound)
        // Wide ranges take 64 bits each, as PyTorch decides it.
        if range >= 1 << 28 { return (0..<count).map { _ in Int(next64() % range) } }
        return (0..<count).map { _ in Int(UInt64(next()) % range) }
    }

    /// The numbers `0..<count` in random order: `torch.randperm`.
    public mutating func permutation(_ count: Int) -> [Int] {
        precondition(
            count >= 0 && count < Int(UInt32.max) / 20, "permutation of \(count) numbers")
        var order = Array(0..<count)
        for index in 0..<max(count - 1, 0) {
            order.swapAt(index, index + Int(next()) % (count - index))
        }
        return order
    }
}

extension TorchGenerator {
    /// `torch.randn(shape)`.
    public mutating func normal(_ shape: Shape, device: Device = .cpu) -> Tensor {
        Tensor(normal(shape.elementCount), shape, device: device)
    }
}
