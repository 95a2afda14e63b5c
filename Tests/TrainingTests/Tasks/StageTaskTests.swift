import Dialogue
import DataPipeline
import Foundation
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing
import Training

/// The three stages beside PyTorch, from the same weights and batches.
@Suite struct StageTaskTests {
    private let stack: TinyStack

    init() throws { stack = try TinyStack() }

    /// The loss of a step over micro-batches and its gradients; with an optimiser a step is taken.
    private func step(
        _ task: StageTask, _ batches: [[StageTask.Item]], _ optimizer: PhaseOptimizer? = nil,
        number: Int = 0, training: Bool = true
    ) throws -> (loss: Float, accuracy: Float, gradients: Gradients) {
        var counts: [LossUnit: Int] = [:]
        for batch in batches {
            counts.merge(task.counts(of: batch, in: 0), uniquingKeysWith: +)
        }
        var (gradients, loss, correct, counted) = (Gradients(), Float(0), 0, 0)
        for (index, batch) in batches.enumerated() {
            let first = batches[..<index].reduce(0) { $0 + $1.count }
            let moment = TrainingMoment(
                seed: 1, step: number, firstSample: first, isTraining: training)
            let total = try withGradients {
                let parts = try task.loss(of: batch, in: 0, at: moment)
                correct += parts.accuracy?.correct ?? 0
                counted += parts.accuracy?.counted ?? 0
                return try #require(parts.total(per: counts))
            }
            loss += total.item()
            gradients += total.backward(keepingGraph: optimizer != nil)
            try optimizer?.accumulate(total, isLast: index == batches.count - 1)
        }
        _ = try optimizer?.step(rate: 5e-4, clip: nil)
        return (loss, Float(correct) / (Float(counted) + 1), gradients)
    }

    private func optimizer(_ task: StageTask) throws -> PhaseOptimizer {
        var config = OptimizerConfig()
        (config.beta1, config.beta2) = (0.9, 0.95)
        (config.epsilon, config.weightDecay) = (1e-8, 0.001)
        return try PhaseOptimizer(task.phases[0], config, communicator: Communicator())
    }

    @Test(arguments: Stage.allCases)
    func aStepIsTheOriginals(_ stage: Stage) throws {
        try withTemporaryFolder { folder in
            let task = try stack.task(stage, in: folder)
            let name = "stage_\(stage.rawValue)"
            let expected = stack.fixture.checkpoint.tensors.map(\.name).filter {
                $0.hasPrefix("\(name).gradient.")
            }.map { String($0.dropFirst("\(name).gradient.".count)) }
            let parameters = task.phases[0].parameters
            #expect(Set(parameters.map(\.name)) == Set(expected))
            let (loss, _, gradients) = try step(
                task, [try stack.items(stage)[0]], try optimizer(task))
            let reference = stack.fixture["\(name).losses"].floats()[0]
            #expect(abs(loss - reference) <= 1e-5 * reference, "\(loss) and \(reference)")

            let largest =
                expected.map {
                    stack.fixture["\(name).gradient.\($0)"].absolute().max().item()
                }.max() ?? 0
            for parameter in parameters {
                let theirs = stack.fixture["\(name).gradient.\(parameter.name)"]
                let ours = try #require(gradients[parameter], "\(parameter.name)")
                // Attention does not depend on the bias of its keys: both sides have rounding
                // there, and nothing to compare.
                if theirs.absolute().max().item() < 1e-6 * largest {
                    #expect(ours.absolute().max().item() < 1e-6 * largest, "\(parameter.name)")
                    continue
                }
                let error = relativeError(
                    ours, theirs, of: "Gradients of stage \(stage.rawValue)",
                    original: stack.fixture.source)
                #expect(error <= 1e-5, "\(parameter.name)")
                // A first step is as long as the rate whatever the gradient: where that is
                // rounding alone, its sign is anyone's.
                let after = stack.fixture["\(name).after.\(parameter.name)"]
                let means = theirs.absolute() .> Tensor(1e-5 * largest)
                let update = relativeError(
                    Tensor.choose(means, parameter.value, after), after,
                    of: "Weights after a step of stage \(stage.rawValue)",
                    original: stack.fixture.source)
                #expect(update <= 1e-5, "\(parameter.name)")
            }
        }
    }

    @Test(arguments: Stage.allCases)
    func aHundredStepsFollowTheOriginalsCurve(_ stage: Stage) throws {
        try withTemporaryFolder { folder in
            let task = try stack.task(stage, in: folder)
            let (optimizer, batches) = (try optimizer(task), try stack.items(stage))
            let name = "stage_\(stage.rawValue)"
            let (losses, accuracies) = (
                stack.fixture["\(name).losses"].floats(),
                stack.fixture["\(name).accuracies"].floats()
            )
            for number in losses.indices {
                let (loss, accuracy, _) = try step(
                    task, [batches[number % batches.count]], optimizer)
                #expect(abs(loss - losses[number]) <= 1e-3 * losses[number], "step \(number)")
                if number < batches.count {
                    #expect(abs(loss - losses[number]) <= 2e-5 * losses[number], "step \(number)")
                    #expect(abs(accuracy - accuracies[number]) < 1e-6, "step \(number)")
                }
            }
        }
    }

    @Test func howABatchIsSplitChangesNothingNotEvenWithDropout() throws {
        try withTemporaryFolder { folder in
            let task = try stack.task(.instructionTuning, in: folder, ["lora_dropout=0.3"])
            let batch = Array(try stack.items(.instructionTuning)[0].prefix(2))
            let whole = try step(task, [batch])
            let split = try step(task, batch.map { [$0] })
            #expect(abs(whole.loss - split.loss) <= 1e-5 * whole.loss)
            for parameter in task.phases[0].parameters {
                let (a, b) = (whole.gradients[parameter], split.gradients[parameter])
                guard let a, let b else {
                    #expect(a == nil && b == nil, "\(parameter.name)")
                    continue
                }
                let largest = a.absolute().max().item()
                #expect(b.isClose(to: a, absolute: 2e-5 * largest + 1e-7), "\(parameter.name)")
            }
            // The dropout is there, other in another step, and gone in evaluation.
            let later = try step(task, [batch], number: 1)
            #expect(abs(later.loss - whole.loss) > 1e-4)
            let plain = try stack.task(.instructionTuning, in: folder)
            let evaluated = try step(task, [batch], training: false)
            #expect(evaluated.loss == (try step(plain, [batch])).loss)
        }
    }

    @Test func computingLayersOnceMoreGivesTheSameGradients() throws {
        try withTemporaryFolder { folder in
            let settings = ["lora_dropout=0.3"]
            let kept = try stack.task(.instructionTuning, in: folder, settings)
            let recomputed = try stack.task(
                .instructionTuning, in: folder, settings + ["checkpoint_activations=true"])
            let batch = try stack.items(.instructionTuning)[0]
            let (a, b) = (try step(kept, [batch]), try step(recomputed, [batch]))
            #expect(a.loss == b.loss)
            for (one, other) in zip(kept.phases[0].parameters, recomputed.phases[0].parameters) {
                let first = try #require(a.gradients[one], "\(one.name)")
                let second = try #require(b.gradients[other], "\(other.name)")
                // Sums of several contributions may come in another order.
                let largest = first.absolute().max().item()
                #expect(second.isClose(to: first, absolute: 1e-6 * largest), "\(one.name)")
            }
        }
    }

    @Test(arguments: [DType.bfloat16, .float16, .q8_0])
    func aStoredBaseTrainsAndStaysAsItIs(_ type: DType) throws {
        try withTemporaryFolder { folder in
            let task = try stack.task(.instructionTuning, in: folder)
            let frozen = task.model.languageModel.parameters.filter {
                !$0.isTrainable && $0.value.rank == 2
                    && $0.value.shape[1].isMultiple(of: type.blockSize)
            }
            #expect(frozen.count >= 12)
            for parameter in frozen {
                let value = parameter.value
                parameter.replace(
                    with: type.isBlocked ? value.quantized(to: type) : value.cast(to: type))
            }
            let weight = frozen[0]
            let before = weight.value.floats()
            let optimizer = try optimizer(task)
            let batch = try stack.items(.instructionTuning)[0]
            let first = try step(task, [batch], optimizer)
            for _ in 0..<5 { _ = try step(task, [batch], optimizer) }
            let last = try step(task, [batch])
            #expect(last.loss < first.loss)
            let reference = stack.fixture["stage_3.losses"].floats()[0]
            #expect(abs(first.loss - reference) < 0.05 * reference)
            #expect(weight.value.floats() == before)
        }
    }

    @Test(arguments: [DType.q8_0, .q4_0, .q4_K])
    func adaptersOfAQuantisedMapTrainAsOverItsValues(_ type: DType) throws {
        let matrix = recipeWeight("matrix", [24, 256]).quantized(to: type)
        func gradients(over weight: Tensor) throws -> [Tensor] {
            let weights = Weights(
                [try Checkpoint(file: "memory", tensors: [.init(name: "weight", value: weight)])],
                drawing: ["lora_*"]
            ).adapted(LoRAConfig(rank: 4, alpha: 8), matching: ["*"])
            let linear = try Linear(256, 24, bias: false, from: weights)
            let parameters = weights.parameters
            parameters[0].isTrainable = false
            parameters[2].replace(with: recipeWeight("up", [24, 4]))
            let gradients = withGradients {
                let x = recipeInput("x", [5, 256]).differentiable()
                return linear(linear(x).matmul(recipeWeight("back", [24, 256]))).squared().sum()
            }.backward()
            return try parameters.dropFirst().map { try #require(gradients[$0]) }
        }
        let (ours, exact) = (
            try gradients(over: matrix), try gradients(over: matrix.cast(to: .float32))
        )
        for (gradient, expected) in zip(ours, exact) {
            let largest = expected.absolute().max().item()
            // Products with blocks round activations to 16 bits.
            #expect(gradient.isClose(to: expected, absolute: 5e-5 * largest))
        }
    }

    @Test func previewsShowWhatIsAskedExpectedAndFound() throws {
        try withTemporaryFolder { folder in
            let task = try stack.task(.encoderAlignment, in: folder)
            let items = try stack.items(.encoderAlignment)[0]
            let moment = TrainingMoment(seed: 1, step: 0, isTraining: false)
            let previews = try task.previews(of: items, at: moment)
            let tokenizer = task.model.layout.tokenizer
            #expect(previews.map(\.name) == items.indices.map { "reply/\($0)" })
            for (preview, item) in zip(previews, items) {
                guard case .text(let text) = preview.content else {
                    Issue.record("no text: \(preview)")
                    continue
                }
                let expected = tokenizer.decode(item.sequence.labels.compactMap(\.self))
                #expect(text.hasPrefix("asked: ") && text.contains("\n\nfound: "))
                #expect(text.contains("\n\nexpected: \(expected)\n\n"))
            }
        }
    }

    @Test func weightsInSixteenBitsTrain() throws {
        try withTemporaryFolder { folder in
            let task = try stack.task(.instructionTuning, in: folder, storage: .bfloat16)
            _ = try optimizer(task)
            #expect(task.phases[0].parameters.allSatisfy { $0.value.dtype == .bfloat16 })
            let reference = try stack.task(.instructionTuning, in: folder)
            let batch = try stack.items(.instructionTuning)[0]
            let (ours, exact) = (try step(task, [batch]), try step(reference, [batch]))
            #expect(abs(ours.loss - exact.loss) < 0.02 * exact.loss)
            for (one, other) in zip(task.phases[0].parameters, reference.phases[0].parameters) {
                let gradient = try #require(ours.gradients[one], "\(one.name)")
                let expected = try #require(exact.gradients[other], "\(one.name)")
                let largest = expected.absolute().max().item()
                guard largest > 1e-4 else { continue }
                #expect(gradient.isClose(to: expected, absolute: 0.1 * largest), "\(one.name)")
            }
        }
    }

    @Test func onlyTheStagesGroupsMove() throws {
        let trained = try Stage.allCases.map { $0.trained(by: try stack.config($0)) }
        #expect(
            trained == [
                [.inputProjection, .addedTokenRows], [.outputProjections, .addedTokenRows],
                Set(Stage.Group.allCases),
            ])
        try withTemporaryFolder { folder in
            let task = try stack.task(.encoderAlignment, in: folder)
            #expect(task.phases[0].groups.map(\.name) == ["inputProjection", "addedTokenRows"])
            #expect(task.phases[0].groups.map(\.count) == [32 * 48 + 32, 2 * 9 * 32])
            let report = try #require(task.parameterReport)
            #expect(report.moving == 32 * 48 + 32 + 2 * 9 * 32)
            #expect(
                report.groups.map(\.name)
                    == ["lora", "video", "audio", "image", "linear", "imagebind", "llama"])
            #expect(report.groups.map(\.moving) == [0, 0, 0, 0, 1568, 0, 576])
            #expect("\(report)".hasPrefix("parameters: \(report.count), trained: 2144 ("))
        }
    }

    @Test func allRowsMoveWhereTheSwitchSaysSo() throws {
        try withTemporaryFolder { folder in
            let task = try stack.task(
                .encoderAlignment, in: folder, ["train_full_embeddings=true"])
            #expect(task.phases[0].groups[1].count == 2 * 521 * 32)
            let rows = try stack.task(.encoderAlignment, in: folder)
            let batch = try stack.items(.encoderAlignment)[0]
            let (whole, part) = (try step(task, [batch]), try step(rows, [batch]))
            #expect(abs(whole.loss - part.loss) < 1e-6 * part.loss)
            let embedding = try #require(whole.gradients[task.phases[0].groups[1].parameters[0]])
            let added = try #require(part.gradients[rows.phases[0].groups[1].parameters[0]])
            #expect(embedding.sliced(0, 512..<521).isClose(to: added, absolute: 1e-6))
            #expect(embedding.sliced(0, 0..<512).absolute().max().item() > 0)
        }
    }
}
