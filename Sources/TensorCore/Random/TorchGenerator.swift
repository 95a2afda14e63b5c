/// PyTorch's CPU generator: a seed gives the numbers that its users know.
///
/// Source: `diffusion.md`-style facts of torch 1.13 to 2.13, MT19937. Filled in by `Random/`.
public struct TorchGenerator: Sendable {
    public init(seed: UInt64) { fatalError() }
    public mutating func uniform(_ count: Int) -> [Float] { fatalError() }
    public mutating func normal(_ count: Int) -> [Float] { fatalError() }
}
