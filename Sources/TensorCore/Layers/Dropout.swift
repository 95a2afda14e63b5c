/// Zeroes at random while a batch is trained on: each element of a layer's input with the same
/// probability, the others scaled so that their mean stays.
///
/// Every sample has a generator of its own and every layer a draw of its own from it, numbered from
/// the sample's first element: which elements become zero depends neither on the other samples of
/// the batch nor on its padding, its order or the threads. Computed once more, they are the same.
///
/// Paper: Srivastava et al. 2014, Dropout.
public struct Dropout: Sendable {
    /// The probability of becoming zero.
    public let rate: Float
    private let samples: [CounterGenerator]

    /// - Parameter samples: a generator for each index of the first axis; where it stands does not
    ///   matter
    public init(rate: Float, samples: [CounterGenerator]) {
        precondition((0..<1).contains(rate), "Dropout: a rate of \(rate)")
        (self.rate, self.samples) = (rate, samples)
    }

    /// `x` with zeros; `layer` is the name that tells the draws of a pass apart.
    ///
    /// - Shapes: `[batch, ...]` → the same
    public func callAsFunction(_ x: Tensor, layer: String) -> Tensor {
        guard rate > 0 else { return x }
        precondition(
            x.rank > 0 && x.shape[0] == samples.count,
            "Dropout: shape \(x.shape) for \(samples.count) samples")
        let source = x.real
        let (shape, device) = (x.shape, x.device)
        return (source.detached() * factors(shape, layer, device)).recorded(from: source) {
            // Drawn again: kept, they would take as much memory as the input itself.
            $0 * factors(shape, layer, device)
        }
    }

    /// What the elements are multiplied by.
    private func factors(_ shape: Shape, _ layer: String, _ device: Device) -> Tensor {
        let scale = 1 / (1 - rate)
        let draw = layer.utf8.reduce(UInt32(2_166_136_261)) {
            ($0 ^ UInt32($1)) &* 16_777_619
        }
        let count = shape.dropFirst().reduce(1, *)
        let parts = samples.map { sample in
            var generator = CounterGenerator(seed: sample.seed, call: draw)
            var numbers = generator.uniform(count)
            for index in numbers.indices { numbers[index] = numbers[index] < rate ? 0 : scale }
            return Tensor(numbers, [1] + shape.dropFirst(), device: device)
        }
        return parts.count == 1 ? parts[0] : Tensor.concatenate(parts, axis: 0)
    }
}
