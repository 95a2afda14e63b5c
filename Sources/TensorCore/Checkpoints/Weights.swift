import Synchronization

/// A strict view of named tensors under one dotted prefix.
///
/// A network asks it for each weight by name and shape; what was asked, in order, *is* the
/// network's parameter list. The same initialiser thereby reads a file, draws fresh values, or
/// mixes the two: that is the view's policy, fixed where the root was made.
public struct Weights: Sendable {
    /// The dotted path of this view; empty at the root.
    public private(set) var path = ""
    private let ledger: Ledger
    /// Which layers below this view are adapted; the last match counts.
    private var adapters: [(pattern: String, config: LoRAConfig)] = []
    /// Which tables below this view end in rows of a parameter of their own, and in how many.
    private var extensions: [(pattern: String, rows: Int)] = []
    /// Whether convolutions below this view hold their weights as magnitudes and directions.
    private(set) var isWeightNormalized = false

    /// Weights from checkpoints; where several have a name, the first wins. A name that none has
    /// is an error, unless it matches one of `drawing`, which are then drawn with `seed`.
    public init(
        _ checkpoints: Checkpoint..., drawing patterns: [String] = [], seed: UInt64 = 13,
        device: Device = .cpu
    ) {
        self.init(checkpoints, drawing: patterns, seed: seed, device: device)
    }

    /// Weights from a list of checkpoints; see the variadic initialiser.
    public init(
        _ checkpoints: [Checkpoint], drawing patterns: [String] = [], seed: UInt64 = 13,
        device: Device = .cpu
    ) {
        self.init(Ledger(checkpoints, drawing: patterns, seed: seed, device: device))
    }

    /// Weights that are all drawn, as PyTorch's layers draw theirs from the same seed and order.
    public static func fresh(seed: UInt64, device: Device = .cpu) -> Weights {
        Weights([], drawing: ["*"], seed: seed, device: device)
    }

    /// Weights of whatever shapes are asked for, all zero, that take no memory: to list and count
    /// the parameters of a configuration without its file.
    public static func shapesOnly(device: Device = .cpu) -> Weights {
        Weights(Ledger([], drawing: nil, seed: 0, device: device))
    }

    private init(_ ledger: Ledger) { self.ledger = ledger }

    private func changed(_ change: (inout Weights) -> Void) -> Weights {
        var view = self
        change(&view)
        return view
    }

    /// The view one name further in; dots are allowed.
    public subscript(name: String) -> Weights { changed { $0.path = join(name) } }

    /// The view one index further in.
    public subscript(index: Int) -> Weights { self["\(index)"] }

    private func join(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// Whether a checkpoint has this name.
    public func contains(_ name: String) -> Bool { ledger.stored(join(name)) != nil }

    /// The view under the first of `names` that has `weight` (or any tensor below it), for
    /// releases that renamed a layer; the first where none has.
    public func firstPresent(_ names: String...) -> Weights {
        let found = names.first { ledger.containsPrefix(join($0)) }
        return self[found ?? names[0]]
    }

    /// The weight of that name.
    ///
    /// - Parameter alternatives: shapes of other releases with the same elements in the same
    ///   order (a 1×1 convolution stored as a matrix); the value is given `shape`
    /// - Throws: `CheckpointError` where it is missing, has another shape, or is not real
    public func parameter(
        _ name: String, _ shape: Shape, or alternatives: [Shape] = [],
        initial: Initializer = .zeros
    ) throws -> Parameter {
        try ledger.parameter(join(name), shape, or: alternatives, initial: initial)
    }

    /// The same view where layers whose path matches one of `patterns` get low-rank adapters.
    public func adapted(_ config: LoRAConfig, matching patterns: [String]) -> Weights {
        changed { $0.adapters += patterns.map { ($0, config) } }
    }

    /// The same view where convolutions train a magnitude and a direction in the place of each
    /// weight, `weight_g` and `weight_v`.
    public func weightNormalized() -> Weights { changed { $0.isWeightNormalized = true } }

    /// The same view where the last rows of the tables and matrices whose path matches one of
    /// `patterns` are a parameter of their own, `added_rows`: they train while the others rest.
    public func extended(by rows: Int, matching patterns: [String]) -> Weights {
        changed { $0.extensions += patterns.map { ($0, rows) } }
    }

    /// How many rows of the layer at this path are a parameter of their own.
    public var addedRows: Int { extensions.last { matches(path, $0.pattern) }?.rows ?? 0 }

    /// The adapter of the layer at this path, if it has one.
    public var adapter: LoRAConfig? { adapters.last { matches(path, $0.pattern) }?.config }

    /// What was asked for so far below this path, in order.
    public var parameters: [Parameter] {
        ledger.parameters.filter {
            path.isEmpty || $0.name == path || $0.name.hasPrefix(path + ".")
        }
    }

    /// The same as tensors that are drawn when they are loaded, each from a generator of its own, so
    /// that what is larger than memory can be made one tensor at a time.
    package func drawnWhenLoaded(seed: UInt64) -> [StoredTensor] {
        zip(ledger.parameters, ledger.initials).enumerated().compactMap { index, asked in
            let (parameter, initial) = asked
            guard path.isEmpty || parameter.name.hasPrefix(path + ".") else { return nil }
            let shape = parameter.value.shape
            return StoredTensor(
                name: parameter.name, dtype: .float32, shape: shape, file: "memory"
            ) {
                var generator = TorchGenerator(seed: seed &+ UInt64(index) &* 0x9E37_79B1)
                return initial.draw(shape, from: &generator)
            }
        }
    }

    /// Bytes of what was asked for so far below this path, as stored.
    public var byteCount: Int { parameters.reduce(0) { $0 + $1.value.byteCount } }

    /// Checks that everything in the checkpoints was asked for.
    ///
    /// - Parameter unused: patterns (`*` stands for anything) of tensors that may be left over
    /// - Throws: `CheckpointError.unexpected` with the rest
    public func finish(unused: [String] = []) throws {
        try ledger.finish(unused: unused)
    }
}

/// Whether `name` matches `pattern`, where `*` stands for any characters, none included.
package func matches(_ name: String, _ pattern: String) -> Bool {
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
    guard parts.count > 1 else { return name == pattern }
    guard name.hasPrefix(parts[0]) else { return false }
    var rest = name.dropFirst(parts[0].count)
    for part in parts.dropFirst().dropLast() where !part.isEmpty {
        guard let range = rest.firstRange(of: part) else { return false }
        rest = rest[range.upperBound...]
    }
    return rest.hasSuffix(parts[parts.count - 1])
}

/// The shared account behind all views of one root.
private final class Ledger: Sendable {
    private struct State {
        var parameters: [Parameter] = []
        /// What each would be drawn as, whether or not it was.
        var initials: [Initializer] = []
        var byName: [String: Int] = [:]
        var generator: TorchGenerator
    }

    private let checkpoints: [Checkpoint]
    /// Names that are drawn where no file has them; nil where none has a value.
    private let patterns: [String]?
    private let device: Device
    private let state: Mutex<State>

    init(_ checkpoints: [Checkpoint], drawing patterns: [String]?, seed: UInt64, device: Device) {
        self.checkpoints = checkpoints
        self.patterns = patterns
        self.device = device
        state = Mutex(State(generator: TorchGenerator(seed: seed)))
    }

    var parameters: [Parameter] { state.withLock { $0.parameters } }
    var initials: [Initializer] { state.withLock { $0.initials } }

    func stored(_ name: String) -> StoredTensor? {
        for checkpoint in checkpoints {
            if let tensor = checkpoint[name] { return tensor }
        }
        return nil
    }

    func containsPrefix(_ path: String) -> Bool {
        checkpoints.contains { checkpoint in
            checkpoint[path] != nil || checkpoint[path + ".weight"] != nil
                || checkpoint.tensors.contains { $0.name.hasPrefix(path + ".") }
        }
    }

    func parameter(
        _ name: String, _ shape: Shape, or alternatives: [Shape], initial: Initializer
    ) throws -> Parameter {
        // Asked twice, a weight is shared: tied embeddings are one parameter.
        if let known = state.withLock({ state in state.byName[name].map { state.parameters[$0] } })
        {
            precondition(
                known.value.shape == shape, "\(name): asked as \(known.value.shape) and \(shape)")
            return known
        }
        let value: Tensor
        if let stored = stored(name) {
            guard stored.shape == shape || alternatives.contains(stored.shape) else {
                throw CheckpointError.shapeMismatch(
                    name: name, found: stored.shape, expected: shape, file: stored.file)
            }
            guard stored.dtype.isFloatingPoint else {
                throw CheckpointError.typeMismatch(
                    name: name, found: stored.dtype, expected: "real numbers", file: stored.file)
            }
            let view = try stored.tensor().reshaped(shape)
            // Expanded, an element would take the memory that its file saved.
            value = (view.repeatsElements ? view : view.dense()).on(device)
        } else if patterns == nil {
            value =
                (device.backend as? PlanningBackend)?.weight(shape)
                ?? Tensor.zeros([], device: device).broadcast(to: shape)
        } else if let patterns, patterns.contains(where: { matches(name, $0) }) {
            value = state.withLock { initial.draw(shape, from: &$0.generator).on(device) }
        } else {
            throw CheckpointError.missing(
                name: name, expected: shape, file: checkpoints.last?.file ?? "no file")
        }
        let parameter = Parameter(name, value)
        state.withLock {
            $0.byName[name] = $0.parameters.count
            $0.parameters.append(parameter)
            $0.initials.append(initial)
        }
        return parameter
    }

    func finish(unused: [String]) throws {
        let asked = state.withLock { Set($0.byName.keys) }
        for checkpoint in checkpoints {
            let rest = checkpoint.tensors.map(\.name).filter { name in
                !asked.contains(name) && !unused.contains { matches(name, $0) }
            }
            if !rest.isEmpty {
                throw CheckpointError.unexpected(names: rest, file: checkpoint.file)
            }
        }
    }
}
