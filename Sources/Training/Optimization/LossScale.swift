/// A factor on the loss, taken off the gradients again, so that small ones survive in `float16`.
/// Our gradients are `float32` and need none; it is here for runs that ask for it.
public enum LossScale: Codable, Equatable, Sendable {
    case none
    /// Always the same.
    case fixed(Double)
    /// Halved where gradients overflow, doubled after enough steps without.
    case dynamic(Dynamic)

    /// The settings of a scale that finds itself.
    public struct Dynamic: Codable, Equatable, Sendable {
        /// The first one.
        public var initial: Double
        /// Steps in a row without overflow after which it doubles.
        public var window: Int
        /// Overflows until it is halved for the first time after it grew.
        public var hysteresis: Int
        /// Where it ends: an overflow there stops the run.
        public var minimum: Double

        /// DeepSpeed's defaults.
        public init(
            initial: Double = 65536, window: Int = 1000, hysteresis: Int = 2, minimum: Double = 1
        ) {
            (self.initial, self.window) = (initial, window)
            (self.hysteresis, self.minimum) = (hysteresis, minimum)
        }
    }
}

/// The loss scale of a run as it stands.
///
/// - Source: DeepSpeed's dynamic loss scaler, with its `fp16` keys
struct LossScaler: Equatable {
    let policy: LossScale
    /// What the next loss is multiplied by.
    private(set) var scale: Double
    private var stepsSinceOverflow = 0
    private var overflowsUntilHalved: Int

    init(_ policy: LossScale) {
        self.policy = policy
        switch policy {
        case .none: (scale, overflowsUntilHalved) = (1, 0)
        case .fixed(let scale): (self.scale, overflowsUntilHalved) = (scale, 0)
        case .dynamic(let dynamic):
            (scale, overflowsUntilHalved) = (dynamic.initial, dynamic.hysteresis)
        }
    }

    /// What a run that goes on must know, and what it knew.
    var numbers: [Float] {
        get { [Float(scale), Float(stepsSinceOverflow), Float(overflowsUntilHalved)] }
        set {
            precondition(newValue.count == 3, "LossScaler: \(newValue.count) numbers")
            scale = Double(newValue[0])
            stepsSinceOverflow = Int(newValue[1])
            overflowsUntilHalved = Int(newValue[2])
        }
    }

    /// Hears how a step went.
    ///
    /// - Throws: `OptimizerError.lossScaleExhausted` where a dynamic scale cannot go lower
    mutating func update(isFinite: Bool) throws {
        guard case .dynamic(let dynamic) = policy else { return }
        if isFinite {
            stepsSinceOverflow += 1
            if stepsSinceOverflow.isMultiple(of: dynamic.window) {
                overflowsUntilHalved = dynamic.hysteresis
                scale *= 2
            }
            return
        }
        stepsSinceOverflow = 0
        if overflowsUntilHalved > 1 {
            overflowsUntilHalved -= 1
        } else if scale <= dynamic.minimum {
            throw OptimizerError.lossScaleExhausted(minimum: dynamic.minimum)
        } else {
            scale = max(scale / 2, dynamic.minimum)
        }
    }
}
