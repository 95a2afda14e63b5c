internal import CSouthKernels
import Glibc

/// PyTorch's generator of the processor: a seed gives the numbers that its users know.
///
/// Integers, uniform numbers and permutations are the same bits; normal ones differ by no more
/// than PyTorch's own builds do among themselves (3e-7).
///
/// - Source: torch 2.13 (the same since 1.6), `CPUGeneratorImpl`, Mersenne Twister 19937
public struct TorchGenerator: Sendable, Equatable {
    /// The seed it was made with.
    let seed: UInt64
    /// The twister's words, and how many of them were given out.
    var words: [UInt32]
    var position: Int32
    /// The second half of a pair of single normal numbers, kept for the next.
    var spare: Double?

    init(seed: UInt64, words: [UInt32], position: Int32, spare: Double?) {
        (self.seed, self.words, self.position, self.spare) = (seed, words, position, spare)
    }

    /// A generator as after `torch.manual_seed(seed)`. Only the low 32 bits count, as there.
    public init(seed: UInt64) {
        var words = [UInt32](repeating: 0, count: TorchGenerator.wordCount)
        words[0] = UInt32(truncatingIfNeeded: seed)
        for index in 1..<words.count {
            let before = words[index - 1]
            words[index] = 1_812_433_253 &* (before ^ (before >> 30)) &+ UInt32(index)
        }
        self.init(
            seed: seed, words: words, position: Int32(TorchGenerator.wordCount), spare: nil)
    }

    static let wordCount = 624

    /// The next 32 raw bits.
    public mutating func next() -> UInt32 { next(1)[0] }

    /// The next raw words.
    public mutating func next(_ count: Int) -> [UInt32] {
        filled(count) { south_twister_words($0, &$1, count, $2) }
    }

    private mutating func next64(_ count: Int) -> [UInt64] {
        let words = next(2 * count)
        return (0..<count).map { UInt64(words[2 * $0]) << 32 | UInt64(words[2 * $0 + 1]) }
    }

    /// An array that a kernel writes from the words and the position.
    private mutating func filled<Element>(
        _ count: Int,
        _ kernel: (UnsafeMutablePointer<UInt32>?, inout Int32, UnsafeMutablePointer<Element>?)
            -> Void
    ) -> [Element] {
        precondition(count >= 0, "TorchGenerator: \(count) numbers")
        return [Element](unsafeUninitializedCapacity: count) { buffer, filled in
            words.withUnsafeMutableBufferPointer {
                kernel($0.baseAddress, &position, buffer.baseAddress)
            }
            filled = count
        }
    }
}

// MARK: - Uniform numbers and integers

extension TorchGenerator {
    /// `count` numbers from `low` up to, without, `high`: `torch.rand`, `Tensor.uniform_`.
    public mutating func uniform(
        _ count: Int, from low: Float = 0, to high: Float = 1
    ) -> [Float] {
        filled(count) { south_twister_uniform($0, &$1, count, low, high, $2) }
    }

    /// `count` numbers in [0, 1) with 53 bits: `torch.rand` in `float64`.
    public mutating func uniform64(_ count: Int) -> [Double] {
        next64(count).map { Double($0 & 0x1F_FFFF_FFFF_FFFF) * 0x1p-53 }
    }

    /// `count` integers in `0..<bound`: `torch.randint(bound, …)`.
    public mutating func integers(_ count: Int, below bound: Int) -> [Int] {
        integers(count, in: 0..<bound)
    }

    /// `count` integers in `range`: `torch.randint(low, high, …)`.
    public mutating func integers(_ count: Int, in range: Range<Int>) -> [Int] {
        precondition(!range.isEmpty, "integers in \(range)")
        let (low, width) = (
            range.lowerBound, UInt64(bitPattern: Int64(range.upperBound &- range.lowerBound))
        )
        // Wide ranges take 64 bits each, as PyTorch decides it.
        if width >= 1 << 28 {
            return next64(count).map { low &+ Int(truncatingIfNeeded: $0 % width) }
        }
        return next(count).map { low &+ Int(UInt64($0) % width) }
    }

    /// The numbers `0..<count` in random order: `torch.randperm`.
    public mutating func permutation(_ count: Int) -> [Int] {
        precondition(
            count >= 0 && count < Int(UInt32.max) / 20, "permutation of \(count) numbers")
        var order = Array(0..<count)
        let words = next(Swift.max(count - 1, 0))
        for (index, word) in words.enumerated() {
            order.swapAt(index, index + Int(word) % (count - index))
        }
        return order
    }

    /// `count` coins that fall on true with that probability: `Tensor.bernoulli_(p)`, which also
    /// draws the mask of `torch.nn.functional.dropout` (with 1 − p there).
    public mutating func coins(_ count: Int, probability: Double) -> [Bool] {
        precondition((0...1).contains(probability), "coins of probability \(probability)")
        return uniform64(count).map { $0 < probability }
    }

    /// `count` numbers of the exponential distribution with this rate: `Tensor.exponential_`.
    public mutating func exponential(_ count: Int, rate: Double = 1) -> [Float] {
        uniform64(count).map { Float(-1 / rate * log1p(-$0)) }
    }
}

// MARK: - Normal numbers

extension TorchGenerator {
    /// `count` normal numbers: `torch.randn`, `Tensor.normal_` in `float32`.
    ///
    /// From 16 on they come in groups of 16; fewer come in pairs, the second of which waits for
    /// the next call.
    public mutating func normal(
        _ count: Int, mean: Float = 0, deviation: Float = 1
    ) -> [Float] {
        if count < 16 {
            return (0..<count).map { _ in
                Float(nextNormal() * Double(deviation) + Double(mean))
            }
        }
        return filled(count) { south_twister_normal($0, &$1, count, mean, deviation, $2) }
    }

    /// 2π, rounded to nearest as in C; `Float.pi` is rounded towards zero.
    static let turn = Float(2 * Double.pi)

    private mutating func nextNormal() -> Double {
        if let value = spare {
            spare = nil
            return value
        }
        let pair = uniform64(2)
        let angle = 2 * Double.pi * pair[0]
        let radius = (-2 * log1p(-pair[1])).squareRoot()
        spare = radius * sin(angle)
        return radius * cos(angle)
    }
}

// MARK: - Tensors

extension TorchGenerator {
    /// `torch.randn(shape)`, or `normal_(mean, deviation)`.
    public mutating func normal(
        _ shape: Shape, mean: Float = 0, deviation: Float = 1, device: Device = .cpu
    ) -> Tensor {
        Tensor(
            normal(shape.elementCount, mean: mean, deviation: deviation), shape, device: device)
    }

    /// `torch.rand(shape)`, or `uniform_(low, high)`.
    public mutating func uniform(
        _ shape: Shape, from low: Float = 0, to high: Float = 1, device: Device = .cpu
    ) -> Tensor {
        Tensor(uniform(shape.elementCount, from: low, to: high), shape, device: device)
    }

    /// `torch.empty(shape).bernoulli_(probability)`, as `bool`.
    public mutating func coins(
        _ shape: Shape, probability: Double, device: Device = .cpu
    ) -> Tensor {
        coins(shape.elementCount, probability: probability).withUnsafeBytes {
            Tensor(copying: $0, .bool, shape, device: device)
        }
    }
}
