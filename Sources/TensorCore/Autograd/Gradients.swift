/// The gradients of parameters and of `differentiable()` inputs, in the order they were found.
public struct Gradients: Sendable {
    fileprivate enum Source: Sendable {
        case parameter(Parameter)
        case input(GradientNode)

        var key: ObjectIdentifier {
            switch self {
            case .parameter(let parameter): ObjectIdentifier(parameter)
            case .input(let node): ObjectIdentifier(node)
            }
        }
    }

    private var entries: [(source: Source, value: Tensor)] = []
    private var places: [ObjectIdentifier: Int] = [:]

    /// None.
    public init() {}

    /// The parameters that have a gradient.
    public var parameters: [Parameter] {
        entries.compactMap {
            if case .parameter(let parameter) = $0.source { parameter } else { nil }
        }
    }

    /// The gradient of a weight, `float32`; nil where nothing depended on it.
    public subscript(parameter: Parameter) -> Tensor? {
        places[ObjectIdentifier(parameter)].map { entries[$0].value }
    }

    /// The gradient of an input made `differentiable()`; nil where nothing depended on it.
    public subscript(input: Tensor) -> Tensor? {
        guard let node = input.node else { return nil }
        return places[ObjectIdentifier(node)].map { entries[$0].value }
    }

    /// Without those of inputs.
    var ofParameters: Gradients {
        var kept = Gradients()
        for entry in entries {
            if case .parameter = entry.source { kept.add(entry.value, to: entry.source) }
        }
        return kept
    }

    fileprivate mutating func add(_ gradient: Tensor, to source: Source) {
        if let place = places[source.key] {
            entries[place].value = entries[place].value + gradient
        } else {
            places[source.key] = entries.count
            entries.append((source, gradient))
        }
    }

    /// Accumulates: gradients of one source add up.
    public static func += (a: inout Gradients, b: Gradients) {
        for entry in b.entries { a.add(entry.value, to: entry.source) }
    }

    /// Multiplies every gradient by a number.
    public mutating func scale(by factor: Float) {
        for index in entries.indices { entries[index].value = entries[index].value * factor }
    }

    /// The Euclidean norm of all gradients together.
    public var norm: Float {
        Float(entries.reduce(0) { $0 + $1.value.sumOfSquares }.squareRoot())
    }

    /// Scales all gradients together so that their norm is at most `limit`, as
    /// `torch.nn.utils.clip_grad_norm_` does, and returns the norm before.
    @discardableResult
    public mutating func clip(toNorm limit: Float) -> Float {
        let norm = norm
        // 1e-6 as there: the result's last digits should agree.
        let factor = limit / (norm + 1e-6)
        if factor < 1 { scale(by: factor) }
        return norm
    }
}

extension Gradients: GradientSink {
    mutating func begin(_ nodes: [GradientNode]) {}

    mutating func add(_ gradient: Tensor, to leaf: GradientNode) {
        add(gradient, to: leaf.parameter.map { .parameter($0) } ?? .input(leaf))
    }

    mutating func add(_ gradients: Gradients) { self += gradients }

    mutating func leave(_ node: GradientNode) {}
}
