import TensorCore

/// What an optimiser's checkpoint holds of a parameter, beside its count of steps: tensors of its
/// shape, `float32`.
enum StateRecord: String, CaseIterable {
    /// The running means of the gradient and of its square.
    case first, second
    /// The weights, where they are stored in less than `float32`.
    case master

    func name(of parameter: Parameter) -> String { "\(rawValue).\(parameter.name)" }
}

/// What AdamW remembers of the part of a parameter that this rank moves.
struct ShareState {
    let share: Share
    private var moments: AdamWMoments
    private var master: Tensor?

    /// - Parameter storage: what the parameter will be kept in; it has its value as read until then
    init(_ share: Share, of parameter: Parameter, storage: DType) {
        self.share = share
        let value = ShareState.part(of: parameter, share)
        moments = AdamWMoments(of: value)
        master = storage == .float32 ? nil : value.cast(to: .float32)
    }

    /// One record, flat; nil where there is none.
    subscript(record: StateRecord) -> Tensor? {
        switch record {
        case .first: moments.first
        case .second: moments.second
        case .master: master
        }
    }

    /// The weights as they are, flat, in `float32`.
    func value(in parameter: Parameter) -> Tensor {
        master ?? ShareState.part(of: parameter, share)
    }

    /// The weights after a step along a flat gradient, in `float32`.
    mutating func move(
        _ parameter: Parameter, along gradient: Tensor, _ step: AdamWStep
    ) -> Tensor {
        let moved = moments.step(value(in: parameter), along: gradient, step)
        if master != nil { master = moved }
        return moved
    }

    /// Takes its part of what was saved of the whole parameter.
    mutating func restore(_ saved: (StateRecord) throws -> Tensor) throws {
        func part(_ record: StateRecord) throws -> Tensor {
            try saved(record).flattened().sliced(0, share.elements)
        }
        moments = AdamWMoments(first: try part(.first), second: try part(.second))
        if master != nil { master = try part(.master) }
    }

    private static func part(of parameter: Parameter, _ share: Share) -> Tensor {
        parameter.value.detached().flattened().sliced(0, share.elements)
    }
}
