/// Why an optimiser could not go on.
public enum OptimizerError: Error, Equatable, CustomStringConvertible {
    /// The dynamic loss scale is as low as it may go, and gradients still overflow.
    case lossScaleExhausted(minimum: Double)

    public var description: String {
        switch self {
        case .lossScaleExhausted(let minimum):
            "the loss scale is at its minimum of \(minimum) and gradients still overflow. Lower "
                + "the learning rate, or train in bf16."
        }
    }
}
