public import DataPipeline
public import TensorCore

/// What a `Trainer` trains: the networks, which of their parameters move, and how one batch pulls
/// at them. The three stages are tasks, and so is the pre-training of each component.
public protocol TrainingTask: Sendable {
    /// A sample made ready: media decoded, text tokenised.
    associatedtype Item: Sendable

    /// The name that run folders and logs use, such as `stage_1`.
    var name: String { get }

    /// What moves. A step goes through the phases in order; all but adversarial tasks have one.
    var phases: [TrainingPhase] { get }

    /// What must be the same when a run goes on, by what an error calls it: `base model`,
    /// `vocabulary`. Any text that differs where the thing does.
    var identity: [String: String] { get }

    /// How many numbers there are and how many of them move, part by part; nil where `phases` says
    /// all that there is to say.
    var parameterReport: ParameterReport? { get }

    /// Opens a sample's media and lays it out; called on a loader's thread.
    ///
    /// - Returns: nil for a sample that has nothing to learn from
    /// - Throws: for a sample that cannot be used: it goes into the quarantine
    func prepare(_ sample: DialogueSample) throws -> Item?

    /// A sample as the networks see it, position by position, for people; nil for what is no
    /// sequence.
    func layout(of sample: DialogueSample) throws -> String?

    /// How many things each term of the loss is a mean over, such as labelled tokens or spans.
    /// Known before the pass, so that a step over several micro-batches and ranks divides by what
    /// all of them have: how a batch is split changes nothing.
    func counts(of items: [Item], in phase: Int) -> [LossUnit: Int]

    /// Whether samples of one micro-batch are wrong answers for each other: a run then keeps its
    /// micro-batches, for others are another loss.
    var contrastsMicroBatch: Bool { get }

    /// The losses of a micro-batch. Called inside a gradient scope while training and outside of
    /// one while evaluating.
    func loss(of items: [Item], in phase: Int, at moment: TrainingMoment) throws -> TrainingLoss

    /// What the networks make of a few held-out items, to look at while training goes on.
    func previews(of items: [Item], at moment: TrainingMoment) throws -> [Preview]

    /// Told after each step of the optimiser, on every rank alike, once all phases have moved:
    /// running averages follow here.
    func didStep(_ moment: TrainingMoment)

    /// What a run must keep beside the parameters to go on, by name: running averages, say. The
    /// names differ from those of all parameters.
    var state: [(name: String, value: Tensor)] { get }

    /// Takes `state` back, as a checkpoint has it.
    ///
    /// - Throws: `CheckpointError` where a tensor is missing or has another shape
    func restore(_ state: Checkpoint) throws

    /// Writes what was trained into a folder, in the published names, files and formats.
    func write(to folder: String) throws
}

extension TrainingTask {
    public var identity: [String: String] { [:] }
    public var parameterReport: ParameterReport? { nil }
    public var contrastsMicroBatch: Bool { false }
    public func layout(of sample: DialogueSample) throws -> String? { nil }
    public func didStep(_ moment: TrainingMoment) {}
    public var state: [(name: String, value: Tensor)] { [] }
    public func restore(_ state: Checkpoint) throws {}
    public func previews(of items: [Item], at moment: TrainingMoment) throws -> [Preview] { [] }
}

/// One turn of a step: parameters that move together along the gradient of one loss.
public struct TrainingPhase: Sendable {
    /// Such as `generator`; `all` where there is one phase.
    public let name: String
    /// What moves, by the names that reports use.
    public let groups: [ParameterGroup]
    /// What the parameters are kept in while they are trained, beside `float32` masters that begin
    /// at the values as they were read; nil keeps each in the type that it has.
    public let storage: DType?

    /// A turn.
    public init(_ name: String = "all", _ groups: [ParameterGroup], storage: DType? = nil) {
        (self.name, self.groups, self.storage) = (name, groups, storage)
    }

    /// All of its parameters, in order.
    public var parameters: [Parameter] { groups.flatMap(\.parameters) }

    /// What one of them is kept in.
    func storage(of parameter: Parameter) -> DType { storage ?? parameter.value.dtype }
}

/// Parameters that one optimiser treats alike.
public struct ParameterGroup: Sendable {
    /// Such as `inputProjection`.
    public let name: String
    public let parameters: [Parameter]
    /// Multiplies the schedule's rate.
    public let rateScale: Double
    /// Replaces the run's weight decay; nil leaves it.
    public let weightDecay: Double?

    /// A group.
    public init(
        _ name: String, _ parameters: [Parameter], rateScale: Double = 1,
        weightDecay: Double? = nil
    ) {
        (self.name, self.parameters) = (name, parameters)
        (self.rateScale, self.weightDecay) = (rateScale, weightDecay)
    }

    /// How many numbers move.
    public var count: Int { parameters.reduce(0) { $0 + $1.value.count } }
}

/// What a term of the loss is a mean over.
public enum LossUnit: String, Codable, Sendable, Hashable, CaseIterable {
    case samples
    /// Positions with a label.
    case tokens
    /// Spans of signal tokens, each held against the embedding of a caption.
    case spans
}

/// One term of a loss: `weight · sum / count`, where the count is of the whole step.
public struct LossTerm: Sendable {
    /// The scalar's name in the logs.
    public let name: String
    /// The sum over the micro-batch, a scalar.
    public let sum: Tensor
    /// What the sum is divided by.
    public let unit: LossUnit
    /// Its share in the total.
    public let weight: Float

    /// A term.
    public init(_ name: String, sum: Tensor, per unit: LossUnit, weight: Float = 1) {
        (self.name, self.sum, self.unit, self.weight) = (name, sum, unit, weight)
    }
}

/// The losses of one micro-batch.
public struct TrainingLoss: Sendable {
    public let terms: [LossTerm]
    /// Labelled tokens that were predicted, of how many; nil where none are.
    public let accuracy: (correct: Int, counted: Int)?
    /// Tokens that went through a language model or text encoder, for the rate; 0 where a task has
    /// none.
    public let tokens: Int

    /// A loss of some terms.
    public init(
        _ terms: [LossTerm], accuracy: (correct: Int, counted: Int)? = nil, tokens: Int = 0
    ) {
        (self.terms, self.accuracy, self.tokens) = (terms, accuracy, tokens)
    }

    /// `Σ weight · sum / count`, over terms whose unit occurs.
    public func total(per counts: [LossUnit: Int]) -> Tensor? {
        terms.reduce(nil as Tensor?) { total, term in
            guard let count = counts[term.unit], count > 0 else { return total }
            let part = term.sum * (term.weight / Float(count))
            return total.map { $0 + part } ?? part
        }
    }
}

/// Where in a run a micro-batch is. Everything random is drawn from it, for each sample by its place
/// in the step: a run that goes on at a step draws what it would have drawn, and how the samples are
/// split into micro-batches and over ranks changes nothing.
public struct TrainingMoment: Sendable {
    public let seed: UInt64
    /// Optimiser steps completed before.
    public let step: Int
    /// The place of the micro-batch's first sample among those of the step, over all ranks; the
    /// others follow.
    public let firstSample: Int
    /// Whether dropout and noise are on.
    public let isTraining: Bool

    /// A moment of a run.
    public init(seed: UInt64, step: Int, firstSample: Int = 0, isTraining: Bool = true) {
        (self.seed, self.step) = (seed, step)
        (self.firstSample, self.isTraining) = (firstSample, isTraining)
    }

    /// Normal numbers, each sample's its own: `[samples, …]`.
    public func normal(for purpose: String, _ shape: Shape) -> Tensor {
        let count = shape.dropFirst().reduce(1, *)
        var numbers: [Float] = []
        numbers.reserveCapacity(shape.elementCount)
        for sample in 0..<shape[0] {
            var generator = generator(for: purpose, sample: sample)
            numbers += generator.normal(count)
        }
        return Tensor(numbers, shape)
    }

    /// A number in [0, 1) for each of some samples.
    public func uniform(for purpose: String, samples: Int) -> [Float] {
        (0..<samples).map { sample in
            var generator = generator(for: purpose, sample: sample)
            return generator.uniform(1)[0]
        }
    }

    /// Random numbers for one purpose of one sample, the same whenever this moment comes again.
    ///
    /// - Parameter sample: counted from the micro-batch's first
    public func generator(for purpose: String, sample: Int) -> CounterGenerator {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for number in [seed, UInt64(step), UInt64(firstSample + sample)] {
            // Each number is stirred in: neighbouring moments share nothing.
            hash = (hash ^ number) &* 0x9e37_79b9_7f4a_7c15
            hash ^= hash >> 32
        }
        return CounterGenerator(seed: hash)
    }
}

/// Something to see or hear of a run.
public struct Preview: Sendable {
    /// What it shows.
    public enum Content: Sendable {
        case text(String)
        /// `[height, width, 3]` in 0…1
        case image(Tensor)
        /// `[samples]` in −1…1
        case sound(Tensor, sampleRate: Int)
    }

    /// The tag in the logs.
    public let name: String
    public let content: Content

    /// A preview under a tag.
    public init(_ name: String, _ content: Content) { (self.name, self.content) = (name, content) }
}
