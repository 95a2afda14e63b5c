public import TensorCore

// Deterministic weights and inputs that need no file: a hash of the name and the index. The
// Python side is `Tests/Fixtures/fixture.py`.

/// Uniform numbers in [−½, ½) that depend on a name and an index alone.
public func recipeNumbers(_ name: String, _ count: Int) -> [Double] {
    let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    return (0..<count).map { index in
        var a = UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ hash
        a ^= a >> 16
        a = a &* 73_244_475
        a ^= a >> 16
        return Double(a) / 4_294_967_296 - 0.5
    }
}

/// The weight of that name: fan-scaled where it has two axes or more, near one where it scales.
public func recipeWeight(_ name: String, _ shape: Shape) -> Tensor {
    let numbers = recipeNumbers(name, shape.elementCount)
    if shape.count >= 2 {
        let fan = (Double(shape.elementCount) / Double(shape[0])).squareRoot()
        return Tensor(numbers.map { Float(2 * $0 / fan) }, shape)
    }
    let center = name.hasSuffix(".weight") ? 1.0 : 0.0
    return Tensor(numbers.map { Float(center + 0.2 * $0) }, shape)
}

/// The input of that name: uniform in ±scale/2.
public func recipeInput(_ name: String, _ shape: Shape, scale: Double = 4) -> Tensor {
    Tensor(recipeNumbers(name, shape.elementCount).map { Float(scale * $0) }, shape)
}
