import Glibc

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

    /// `count` numbers of mean 0 and variance 1: one draw.
    public mutating func normal(_ count: Int) -> [Float] {
        defer { call &+= 1 }
        return (0..<count).map { index in
            let words = words(at: [call, 0, UInt32(truncatingIfNeeded: index), 0])
            let u = (Float(words[0]) + 0.5) * 0x1p-32
            let angle = (Float(words[1]) + 0.5) * (TorchGenerator.turn * 0x1p-32)
            return (-2 * logf(u)).squareRoot() * sinf(angle)
        }
    }

    /// A tensor of one draw.
    public mutating func normal(_ shape: Shape, device: Device = .cpu) -> Tensor {
        Tensor(normal(shape.elementCount), shape, device: device)
    }
}
