// Reverse-mode differentiation: from the roots back through the record, newest operation first.

extension Tensor {
    /// The gradients of this scalar, times `scale`, with respect to everything trainable that it
    /// was computed from inside a gradient scope.
    ///
    /// The record is spent on the way, so that memory is freed as the pass proceeds.
    ///
    /// - Parameter keepingGraph: keeps the record, for another pass
    public func backward(scale: Float = 1, keepingGraph: Bool = false) -> Gradients {
        precondition(
            count == 1, "backward: shape \(shape) is no scalar; use gradients(of:) with a weight")
        precondition(
            isTracked,
            "backward: nothing that this was computed from has a gradient; was it computed inside "
                + "withGradients, and is any parameter trainable?")
        return gradients(
            of: [(self, .full(shape, Double(scale), device: device))], keepingGraph: keepingGraph)
    }
}

/// The gradients of several results together: of `Σ root · weight`.
///
/// - Parameter roots: results and the gradients that arrive at them, of the same shapes
/// - Parameter keepingGraph: keeps the record, for another pass
public func gradients(
    of roots: [(result: Tensor, gradient: Tensor)], keepingGraph: Bool = false
) -> Gradients {
    gradients(of: roots, keepingGraph: keepingGraph, since: 0)
}

/// - Parameter first: operations before this number must not be reached
private func gradients(
    of roots: [(result: Tensor, gradient: Tensor)], keepingGraph: Bool, since first: Int
) -> Gradients {
    var found = Gradients()
    goBack(from: roots, keepingGraph: keepingGraph, since: first, to: &found)
    return found
}

/// Where the gradients of a pass go.
protocol GradientSink {
    /// The pass is about to go through these nodes, in this order.
    mutating func begin(_ nodes: [GradientNode])
    /// A leaf of the graph got a gradient.
    mutating func add(_ gradient: Tensor, to leaf: GradientNode)
    /// An operation gave gradients to parameters that it used inside.
    mutating func add(_ gradients: Gradients)
    /// The pass has left a node: nothing comes from it any more.
    mutating func leave(_ node: GradientNode)
}

/// One pass: from the roots to every leaf that they depend on.
func goBack(
    from roots: [(result: Tensor, gradient: Tensor)], keepingGraph: Bool, since first: Int,
    to sink: inout some GradientSink
) {
    var pending: [ObjectIdentifier: GradientSum] = [:]
    var starts: [GradientNode] = []
    for (result, gradient) in roots {
        precondition(
            result.shape == gradient.shape,
            "gradients: \(gradient.shape) for a result of shape \(result.shape)")
        guard let node = result.node else { continue }
        starts.append(node)
        pending[ObjectIdentifier(node), default: GradientSum()]
            .add(.whole(gradient.detached()), to: node)
    }
    withoutGradients {
        let nodes = reachable(from: starts, since: first)
        sink.begin(nodes)
        for node in nodes {
            defer { sink.leave(node) }
            guard let sum = pending.removeValue(forKey: ObjectIdentifier(node)),
                let gradient = sum.total
            else { continue }
            guard let record = node.record(keeping: keepingGraph) else {
                sink.add(gradient, to: node)
                continue
            }
            let pulled = record.pullback(gradient.dense())
            for case (let parent?, let contribution?) in zip(record.parents, pulled.contributions) {
                pending[ObjectIdentifier(parent), default: GradientSum()]
                    .add(contribution, to: parent)
            }
            sink.add(pulled.parameters)
        }
    }
}

/// Every node that the starts depend on, the newest first: an order in which each comes after
/// all that use it.
private func reachable(from starts: [GradientNode], since first: Int) -> [GradientNode] {
    var (seen, stack, nodes) = (Set<ObjectIdentifier>(), starts, [GradientNode]())
    while let node = stack.popLast() {
        guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
        precondition(
            node.sequence > first || node.parameter != nil,
            "checkpointed: its body uses a tensor of shape \(node.shape) that has a gradient and "
                + "is not among its inputs")
        nodes.append(node)
        stack.append(contentsOf: node.parents)
    }
    return nodes.sorted { $0.sequence > $1.sequence }
}

/// What arrived at a node so far.
private struct GradientSum {
    private(set) var total: Tensor?
    /// Whether nobody else sees the memory of `total`, so that parts are added in place.
    private var isOwned = false

    mutating func add(_ contribution: GradientNode.Contribution, to node: GradientNode) {
        switch contribution {
        case .whole(let gradient):
            precondition(
                gradient.shape == node.shape,
                "backward: a gradient of shape \(gradient.shape) for a tensor of \(node.shape)")
            isOwned = total != nil
            total = total.map { $0 + gradient } ?? gradient
        case .part(let gradient, let axis, let start):
            let whole: Tensor
            if let total, isOwned {
                whole = total
            } else {
                whole = total.map { $0.backend.copy($0) } ?? .zeros(node.shape, device: node.device)
            }
            let place = whole.sliced(axis, start..<(start + gradient.shape[axis]))
            let sum = total == nil ? gradient : place + gradient
            whole.backend.store(sum, into: place)
            (total, isOwned) = (whole, true)
        }
    }
}

// MARK: - Activation checkpointing

/// Computes `body` of tensors, keeping only those: the backward pass computes it once more.
///
/// - Parameter inputs: every tensor with a gradient that `body` uses; parameters need no mention
/// - Parameter body: must give the same result both times
public func checkpointed(
    _ inputs: [Tensor], _ body: @escaping @Sendable ([Tensor]) -> Tensor
) -> Tensor {
    guard GradientScope.isOpen else { return body(inputs) }
    let constants = inputs.map { $0.detached() }
    let tracked = inputs.map(\.isTracked)
    let used = UsedParameters()
    let result = GradientScope.$mode.withValue(.noting(used)) { body(constants) }.detached()
    let node = GradientNode(
        result, parents: inputs.map(\.node), parameters: used.parameters
    ) { gradient in
        let first = GradientNode.latest
        let (leaves, again) = withGradients {
            let leaves = zip(constants, tracked).map { $1 ? $0.differentiable() : $0 }
            return (leaves, body(leaves))
        }
        let found = gradients(of: [(again, gradient)], keepingGraph: false, since: first)
        return .init(
            contributions: leaves.map { leaf in found[leaf].map { .whole($0) } },
            parameters: found.ofParameters)
    }
    return result.with(node: node)
}
