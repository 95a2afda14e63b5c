import ModelZoo
package import TensorCore

/// How far the pictures of an autoencoder are from those that went in.
public enum ReconstructionError: String, Codable, Sendable {
    /// The mean of absolute differences; sharper pictures.
    case l1
    /// The mean of squared differences.
    case l2

    package func callAsFunction(_ found: Tensor, _ expected: Tensor) -> Tensor {
        let axes = Array(1..<expected.rank)
        let difference = found - expected
        return switch self {
        case .l1: difference.absolute().mean(axes)
        case .l2: difference.squared().mean(axes)
        }
    }
}

/// The absolute differences of the slopes of two pictures, from pixel to pixel and from mean to mean
/// of 2² and 4² of them: edges, without a network that knows pictures. By sample, `[batch]`.
///
/// - Shapes: `[batch, channels, height, width]`, both divisible by four
package func edgeError(_ found: Tensor, _ expected: Tensor) -> Tensor {
    var difference = found - expected
    var total: Tensor?
    for scale in 0..<3 {
        if scale > 0 { difference = difference.halved() }
        for axis in [2, 3] {
            let length = difference.shape[axis]
            guard length > 1 else { continue }
            let slopes =
                difference.sliced(axis, 1..<length) - difference.sliced(axis, 0..<(length - 1))
            let part = slopes.absolute().mean([1, 2, 3])
            total = total.map { $0 + part } ?? part
        }
    }
    return total ?? .zeros([found.shape[0]])
}

extension Tensor {
    /// The means of 2 × 2 pixels.
    fileprivate func halved() -> Tensor {
        precondition(
            shape[2] % 2 == 0 && shape[3] % 2 == 0, "edgeError: pixels \(shape[2]) × \(shape[3])")
        return reshaped([shape[0], shape[1], shape[2] / 2, 2, shape[3] / 2, 2]).mean([3, 5])
    }
}
