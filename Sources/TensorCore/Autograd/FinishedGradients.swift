// Gradients that leave a backward pass one by one, while it goes on.

extension Tensor {
    /// Goes back as `backward(scale:keepingGraph:)` does and hands over the gradient of each of
    /// some parameters as soon as nothing can add to it: it can be sent away, and its memory freed,
    /// while the rest of the pass goes on. Gradients of anything else are dropped.
    ///
    /// - Parameters:
    ///   - parameters: each once
    ///   - finished: gets an index into `parameters` and the gradient, nil where this does not
    ///     depend on it. Called once for each, on this thread: first for all that the pass cannot
    ///     reach, then in the order in which they are finished
    public func backward(
        scale: Float = 1, to parameters: [Parameter], finished: (Int, Tensor?) -> Void
    ) {
        precondition(
            count == 1 && isTracked,
            "backward: shape \(shape) is no scalar, or nothing it was computed from is trainable")
        withoutActuallyEscaping(finished) { finished in
            var sink = FinishedGradients(of: parameters, finished)
            let seed = Tensor.full(shape, Double(scale), device: device)
            goBack(from: [(self, seed)], keepingGraph: false, since: 0, to: &sink)
        }
    }
}

/// Adds up what each parameter gets until the last node that can give it something is left.
private struct FinishedGradients: GradientSink {
    private let places: [ObjectIdentifier: Int]
    private let finished: (Int, Tensor?) -> Void
    /// Nodes ahead that may give a parameter something.
    private var sources: [Int]
    private var sums: [Tensor?]

    init(of parameters: [Parameter], _ finished: @escaping (Int, Tensor?) -> Void) {
        places = Dictionary(
            uniqueKeysWithValues: parameters.enumerated().map { (ObjectIdentifier($1), $0) })
        self.finished = finished
        sources = parameters.map { _ in 0 }
        sums = parameters.map { _ in nil }
    }

    mutating func begin(_ nodes: [GradientNode]) {
        for parameter in nodes.lazy.flatMap(\.parameters) {
            if let place = place(of: parameter) { sources[place] += 1 }
        }
        for place in sources.indices where sources[place] == 0 { finished(place, nil) }
    }

    mutating func add(_ gradient: Tensor, to leaf: GradientNode) {
        if let parameter = leaf.parameter { add(gradient, to: parameter) }
    }

    mutating func add(_ gradients: Gradients) {
        for parameter in gradients.parameters {
            if let gradient = gradients[parameter] { add(gradient, to: parameter) }
        }
    }

    mutating func leave(_ node: GradientNode) {
        for parameter in node.parameters {
            guard let place = place(of: parameter) else { continue }
            sources[place] -= 1
            if sources[place] == 0 {
                finished(place, sums[place])
                sums[place] = nil
            }
        }
    }

    private mutating func add(_ gradient: Tensor, to parameter: Parameter) {
        guard let place = place(of: parameter) else { return }
        precondition(
            sources[place] > 0,
            "backward: '\(parameter.name)' gets a gradient from a scope opened inside a "
                + "checkpointed body")
        sums[place] = sums[place].map { $0 + gradient } ?? gradient
    }

    private func place(of parameter: Parameter) -> Int? { places[ObjectIdentifier(parameter)] }
}
