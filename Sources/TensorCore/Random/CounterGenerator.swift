internal import CSouthKernels

/// A generator without memory: any number of it can be had directly, by its place.
///
/// Its normal numbers are those that PyTorch draws on a CUDA device from the same seed, for
/// tensors no larger than the device's launch grid (some 2×10⁵ elements).
///
/// - Source: Salmon et al. 2011, Philox 4×32 with ten rounds; torch's CUDA generator
public struct CounterGenerator: Sendable {
    /// The seed.
    public let seed: UInt64
    /// How many times numbers were drawn: the place of the next draw, and where to seek.
    public var call: UInt32

    /// A generator at a place.
    public init(seed: UInt64, call: UInt32 = 0) {
        self.seed = seed
        self.call = call
    }

    /// The four random words of a counter.
    public func words(at counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
        var words = counter
        var (low, high) = (
            UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)
        )
        for _ in 0..<10 {
            let first = words[0].multipliedFullWidth(by: 0xD251_1F53)
            let second = words[2].multipliedFullWidth(by: 0xCD9E_8D57)
            words = SIMD4(
                second.high ^ words[1] ^ low, second.low, first.high ^ words[3] ^ high, first.low)
            low &+= 0x9E37_79B9
            high &+= 0xBB67_AE85
        }
        return words
    }

    /// Numbers `start..<start + count` of the draw at `call`, in [0, 1): one draw. Any part of a
    /// draw can be had without the rest.
    public mutating func uniform(_ count: Int, startingAt start: Int = 0) -> [Float] {
        draw(count, start, isNormal: false)
    }

    /// Numbers `start..<start + count` of the draw at `call`, of mean 0 and variance 1: one draw.
    public mutating func normal(_ count: Int, startingAt start: Int = 0) -> [Float] {
        draw(count, start, isNormal: true)
    }

    private mutating func draw(_ count: Int, _ start: Int, isNormal: Bool) -> [Float] {
        precondition(
            start >= 0 && count >= 0 && start + count <= 1 << 32,
            "CounterGenerator: \(count) numbers from \(start) on; a draw has 2³²")
        defer { call &+= 1 }
        return [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            south_counter_numbers(
                seed, call, UInt32(start), count, isNormal ? 1 : 0, buffer.baseAddress)
            filled = count
        }
    }

    /// A tensor of one draw of normal numbers.
    public mutating func normal(_ shape: Shape, device: Device = .cpu) -> Tensor {
        Tensor(normal(shape.elementCount), shape, device: device)
    }

    /// A tensor of one draw of numbers in [0, 1).
    public mutating func uniform(_ shape: Shape, device: Device = .cpu) -> Tensor {
        Tensor(uniform(shape.elementCount), shape, device: device)
    }
}
