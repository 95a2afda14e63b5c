internal import Synchronization

/// A tensor's place among recorded operations: an input, or a result with the way back to its
/// operands.
package final class GradientNode: Sendable {
    /// Takes the gradient of the result (dense `float32`) to what the operands get from it.
    typealias Pullback = @Sendable (Tensor) -> Pulled

    /// What one operation passes on.
    struct Pulled {
        /// To each operand; nil where it has no gradient.
        var contributions: [Contribution?]
        /// To parameters that the operation used inside, unseen by the graph.
        var parameters = Gradients()
    }

    /// A gradient of a whole operand, or of the part of it that starts at an index of an axis.
    enum Contribution {
        case whole(Tensor)
        case part(Tensor, axis: Int, start: Int)
    }

    struct Record {
        var parents: [GradientNode?]
        var pullback: Pullback
    }

    private enum State {
        case leaf
        case recorded(Record)
        /// A backward pass took the record and what it kept in memory.
        case spent
    }

    private static let count = Atomic<Int>(0)

    /// Nodes made so far: an operation's number is above those of its operands.
    static var latest: Int { count.load(ordering: .relaxed) }

    let sequence: Int
    let shape: Shape
    let device: Device
    /// The weight that this input is the value of.
    let parameter: Parameter?
    /// The weights that may get a gradient when the pass goes through this node.
    let parameters: [Parameter]
    private let state: Mutex<State>

    /// An input.
    init(leaf value: Tensor, of parameter: Parameter? = nil) {
        sequence = GradientNode.count.add(1, ordering: .relaxed).newValue
        (shape, device) = (value.shape, value.device)
        self.parameter = parameter
        parameters = parameter.map { [$0] } ?? []
        state = Mutex(.leaf)
    }

    /// The result of an operation, and the parameters that it uses inside, unseen by the graph.
    init(
        _ result: Tensor, parents: [GradientNode?], parameters: [Parameter] = [],
        pullback: @escaping Pullback
    ) {
        sequence = GradientNode.count.add(1, ordering: .relaxed).newValue
        (shape, device) = (result.shape, result.device)
        parameter = nil
        self.parameters = parameters
        state = Mutex(.recorded(Record(parents: parents, pullback: pullback)))
    }

    /// The nodes that this one passes gradients to.
    var parents: [GradientNode] {
        state.withLock { state in
            switch state {
            case .leaf: return []
            case .recorded(let record): return record.parents.compactMap(\.self)
            case .spent:
                preconditionFailure(
                    "backward: through a result of shape \(shape) whose record an earlier pass "
                        + "took; pass keepingGraph: true there")
            }
        }
    }

    /// The way back, which is forgotten with all it holds unless it is kept.
    func record(keeping: Bool) -> Record? {
        state.withLock { state in
            guard case .recorded(let record) = state else { return nil }
            if !keeping { state = .spent }
            return record
        }
    }

    deinit {
        // A long chain must not unwind link by link on the stack.
        var chain = state.withLock { state -> [GradientNode] in
            guard case .recorded(let record) = state else { return [] }
            state = .spent
            return record.parents.compactMap(\.self)
        }
        while var node = chain.popLast() {
            guard isKnownUniquelyReferenced(&node), let record = node.record(keeping: false) else {
                continue
            }
            chain.append(contentsOf: record.parents.compactMap(\.self))
        }
    }
}

extension Tensor {
    func with(node: GradientNode?) -> Tensor {
        Tensor(
            storage: storage, device: device, dtype: dtype, shape: shape, strides: strides,
            offset: offset, node: node)
    }

    /// This result, remembered with the way back where an operand has a gradient and a scope is
    /// open; else just this result.
    ///
    /// - Parameter pullback: takes the gradient of this result, dense, to those of the operands
    ///   in their order; nil, or anything, for one that is not tracked. It runs unrecorded, and
    ///   must capture detached tensors only: nodes would be kept alive through it
    package func recorded(
        from operands: [Tensor?], _ pullback: @escaping @Sendable (Tensor) -> [Tensor?]
    ) -> Tensor {
        guard operands.contains(where: { $0?.node != nil }), GradientScope.isOpen else {
            return self
        }
        return with(
            node: GradientNode(self, parents: operands.map { $0?.node }) { gradient in
                .init(contributions: pullback(gradient).map { $0.map { .whole($0) } })
            })
    }

    /// The same for one operand.
    package func recorded(
        from operand: Tensor, _ pullback: @escaping @Sendable (Tensor) -> Tensor
    ) -> Tensor {
        guard let parent = operand.node, GradientScope.isOpen else { return self }
        return with(
            node: GradientNode(self, parents: [parent]) {
                .init(contributions: [.whole(pullback($0))])
            })
    }

    /// This part of `whole` along an axis, with the way back.
    func recorded(partOf whole: Tensor, axis: Int, start: Int) -> Tensor {
        guard let parent = whole.node, GradientScope.isOpen else { return self }
        return with(
            node: GradientNode(self, parents: [parent]) {
                .init(contributions: [.part($0, axis: axis, start: start)])
            })
    }
}
