import TensorCore
import Testing
import TestSupport

/// A printed row of the specification: the first four elements, the last two, the sum, and the sum
/// of magnitudes.
struct GoldenRow {
    let first: [Float]
    let last: [Float]
    let sum: Float
    let magnitudes: Float

    init(_ first: [Float], _ last: [Float], _ sum: Float, _ magnitudes: Float) {
        (self.first, self.last, self.sum, self.magnitudes) = (first, last, sum, magnitudes)
    }

    /// Whether elements agree to 2e-5 and sums to 1e-3.
    func matches(_ tensor: Tensor) -> Bool {
        let values = tensor.floats()
        let pairs = zip(values, first).map { $0 - $1 } + zip(values.suffix(2), last).map { $0 - $1 }
        let total = values.reduce(into: 0.0) { $0 += Double($1) }
        let absolute = values.reduce(into: 0.0) { $0 += Double($1.magnitude) }
        return pairs.allSatisfy { $0.magnitude <= 2e-5 } && abs(Float(total) - sum) <= 1e-3
            && abs(Float(absolute) - magnitudes) <= 1e-3
    }
}

/// Weights of whatever is asked for, by recipe: for layers, whose names are local. `make` is
/// called twice, to learn the names and then to build.
func recipe<Layer>(on device: Device, _ make: (Weights) throws -> Layer) throws -> Layer {
    let shapes = Weights.shapesOnly(device: device)
    _ = try make(shapes)
    let tensors = shapes.parameters.map { parameter in
        StoredTensor(
            name: parameter.name, value: recipeWeight(parameter.name, parameter.value.shape))
    }
    return try make(Weights(Checkpoint(file: "recipe", tensors: tensors), device: device))
}
