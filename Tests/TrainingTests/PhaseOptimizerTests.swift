import Foundation
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct PhaseOptimizerTests {
    private func alone() throws -> Communicator { try Communicator(environment: [:]) }

    /// A loss whose gradients are these.
    private func loss(_ gradients: [(Parameter, Tensor)]) -> Tensor? {
        withGradients {
            gradients.reduce(nil as Tensor?) { total, entry in
                let part = (entry.0.value.cast(to: .float32) * entry.1).sum()
                return total.map { $0 + part } ?? part
            }
        }
    }

    @Test func groupsMastersAndClippingFollowPyTorch() throws {
        let fixture = try Fixture("phase_optimizer")  // made by Tests/Fixtures/phase_optimizer.py
        let shapes: [(String, Shape)] = [
            ("wide", [5, 7]), ("seldom", [2, 2]), ("narrow", [3]), ("stored", [6]),
        ]
        let parameters = shapes.map { name, shape in
            Parameter(name, recipeInput(name, shape, scale: 1))
        }
        let stored = parameters[3]
        stored.replace(with: stored.value.cast(to: .bfloat16))
        let phase = TrainingPhase(
            "all",
            [
                ParameterGroup("decayed", Array(parameters[..<2])),
                ParameterGroup("bare", Array(parameters[2...]), rateScale: 0.5, weightDecay: 0),
            ])
        var config = OptimizerConfig()
        (config.beta2, config.epsilon, config.weightDecay) = (0.95, 1e-6, 0.1)
        let optimizer = try PhaseOptimizer(phase, config, communicator: alone())
        for step in 0..<6 {
            let touched = parameters.filter { $0.name != "seldom" || step % 2 == 1 }
            let gradients = touched.map {
                let scale = 0.1 * Double(step + 1)
                return ($0, recipeInput("\($0.name).\(step)", $0.value.shape, scale: scale))
            }
            try optimizer.accumulate(loss(gradients), isLast: true)
            let outcome = try optimizer.step(rate: 0.01, clip: 0.5)
            let norm = Double(fixture["norm.\(step)"].item())
            #expect(abs(outcome.gradientNorm - norm) <= 1e-6 * norm)
            for parameter in parameters {
                let error = relativeError(
                    parameter.value.cast(to: .float32),
                    fixture["\(parameter.name).\(step)"].cast(to: .float32),
                    of: "AdamW of a phase", original: fixture.source)
                #expect(error <= (parameter === stored ? 0 : 1e-6), "\(parameter.name) \(step)")
            }
            let state = Dictionary(
                uniqueKeysWithValues: try optimizer.loadedState().map { ($0, $1) })
            let master = try #require(state["master.stored"])
            #expect(master.isClose(to: fixture["master.\(step)"], absolute: 1e-6))
        }
    }

    /// What 16 bits leave of a weight is no place to begin at, nor what is written in the end.
    @Test(arguments: [1, 2])
    func mastersBeginAtWhatWasReadAndAreWhatIsWritten(_ size: Int) throws {
        let read = recipeInput("read", [5, 7], scale: 1)
        #expect(read.cast(to: .bfloat16).floats() != read.floats())
        let written = try ranks(size) { communicator in
            let weight = Parameter("w", read)
            let other = Parameter("v", recipeInput("other", [3], scale: 1))
            var config = OptimizerConfig()
            (config.weightDecay, config.partitionsState) = (0, true)
            let optimizer = try PhaseOptimizer(
                TrainingPhase(
                    "all", [ParameterGroup("all", [weight, other])], storage: .bfloat16),
                config, communicator: communicator)
            #expect(weight.value.dtype == .bfloat16)
            // A step that moves nothing.
            try optimizer.accumulate(loss([(weight, read)]), isLast: true)
            _ = try optimizer.step(rate: 0, clip: nil)
            #expect(weight.value.floats() == read.cast(to: .bfloat16).floats())
            let state = Dictionary(
                uniqueKeysWithValues: try optimizer.loadedState().map { ($0, $1) })
            if communicator.rank == 0 { #expect(state["master.w"]?.floats() == read.floats()) }
            try optimizer.unround()
            return [weight.value.floats(), other.value.floats()]
        }
        for values in written {
            #expect(values == [read.floats(), recipeInput("other", [3], scale: 1).floats()])
        }
    }

    @Test func microBatchesAddUp() throws {
        func train(_ parts: [[Float]]) throws -> [Float] {
            let weight = Parameter("w", Tensor([1, 2, 3]))
            let optimizer = try PhaseOptimizer(
                TrainingPhase("all", [ParameterGroup("all", [weight])]), OptimizerConfig(),
                communicator: alone())
            for (index, part) in parts.enumerated() {
                try optimizer.accumulate(
                    loss([(weight, Tensor(part))]), isLast: index == parts.count - 1)
            }
            _ = try optimizer.step(rate: 0.1, clip: nil)
            return weight.value.floats()
        }
        #expect(try train([[1, -2, 4]]) == train([[0.5, -3, 0], [0.5, 1, 4]]))
    }

    @Test func aGradientThatIsNoNumberMovesNothing() throws {
        let weight = Parameter("w", Tensor([1, 2]))
        let optimizer = try PhaseOptimizer(
            TrainingPhase("all", [ParameterGroup("all", [weight])]), OptimizerConfig(),
            communicator: alone())
        try optimizer.accumulate(loss([(weight, Tensor([1, .nan]))]), isLast: true)
        let outcome = try optimizer.step(rate: 0.1, clip: 1)
        #expect(!outcome.isFinite && weight.value.floats() == [1, 2])
        try optimizer.accumulate(loss([(weight, Tensor([1, 0]))]), isLast: true)
        #expect(try optimizer.step(rate: 0.1, clip: 1).gradientNorm == 1)
        #expect(weight.value.floats()[0] < 1)
    }

    @Test func aLossScaleChangesNoStep() throws {
        func train(_ scale: LossScale) throws -> [Float] {
            let weight = Parameter("w", Tensor([1, 2, 3]))
            var config = OptimizerConfig()
            config.lossScale = scale
            let optimizer = try PhaseOptimizer(
                TrainingPhase("all", [ParameterGroup("all", [weight])]), config,
                communicator: alone())
            for _ in 0..<3 {
                try optimizer.accumulate(loss([(weight, Tensor([3, -4, 0]))]), isLast: true)
                #expect(try optimizer.step(rate: 0.1, clip: 1).gradientNorm == 5)
            }
            return weight.value.floats()
        }
        #expect(try train(.none) == train(.fixed(64)))
    }

    @Test func aDynamicLossScaleGivesWayAndGrowsBack() throws {
        let weight = Parameter("w", Tensor([1]))
        var config = OptimizerConfig()
        config.lossScale = .dynamic(.init(initial: 8, window: 3, hysteresis: 2, minimum: 2))
        let optimizer = try PhaseOptimizer(
            TrainingPhase("all", [ParameterGroup("all", [weight])]), config, communicator: alone())
        func step(_ gradient: Float) throws -> Double {
            try optimizer.accumulate(loss([(weight, Tensor([gradient]))]), isLast: true)
            return try optimizer.step(rate: 0.1, clip: nil).lossScale
        }
        // DeepSpeed's scaler, by hand: the second overflow halves, three good steps double.
        let scales = try [Float.nan, .nan, .nan, 1, 1, 1, 1].map(step)
        #expect(scales == [8, 8, 4, 2, 2, 2, 4])
        _ = try (step(.nan), step(.nan))
        let error = #expect(throws: OptimizerError.self) { _ = try step(.infinity) }
        #expect(
            error?.description
                == "the loss scale is at its minimum of 2.0 and gradients still overflow. Lower the "
                + "learning rate, or train in bf16.")
    }

    // MARK: - Going on

    /// A phase of two weights, one with a master, after some steps.
    private func optimizer() throws -> (PhaseOptimizer, [Parameter]) {
        let parameters = [
            Parameter("a", recipeInput("a", [4, 3])),
            Parameter("b", recipeInput("b", [5]).cast(to: .bfloat16)),
        ]
        let optimizer = try PhaseOptimizer(
            TrainingPhase("all", [ParameterGroup("all", parameters)]), OptimizerConfig(),
            communicator: alone())
        return (optimizer, parameters)
    }

    private func advance(_ run: (PhaseOptimizer, [Parameter]), _ steps: Range<Int>) throws {
        for step in steps {
            let gradients = run.1.map { ($0, recipeInput("\($0.name).\(step)", $0.value.shape)) }
            try run.0.accumulate(loss(gradients), isLast: true)
            _ = try run.0.step(rate: 0.01, clip: 1)
        }
    }

    @Test func aRunGoesOnToTheBit() throws {
        let (whole, half, rest) = try (optimizer(), optimizer(), optimizer())
        try advance(whole, 0..<6)
        try advance(half, 0..<3)
        try withTemporaryFolder { folder in
            try Safetensors.write(half.0.loadedState(), to: "\(folder)/optimizer.safetensors")
            for (new, old) in zip(rest.1, half.1) { new.replace(with: old.value) }
            try rest.0.restore(Checkpoint(contentsOf: "\(folder)/optimizer.safetensors"))
        }
        try advance(rest, 3..<6)
        for (a, b) in zip(whole.1, rest.1) { #expect(a.value.floats() == b.value.floats()) }
        let states = try (whole.0.loadedState(), rest.0.loadedState())
        for (a, b) in zip(states.0, states.1) {
            #expect(a.name == b.name && a.value.floats() == b.value.floats(), "\(a.name)")
        }
        #expect(states.0.count == 2 + 5 + 1 && states.1.count == states.0.count)
    }

    @Test func aCheckpointOfAnotherRunIsRefused() throws {
        let run = try optimizer()
        let state = try run.0.loadedState()
        func refusal(_ tensors: [(name: String, value: Tensor)]) throws -> String? {
            try withTemporaryFolder { folder in
                let path = "\(folder)/optimizer.safetensors"
                try Safetensors.write(tensors, to: path)
                let error = #expect(throws: CheckpointError.self) {
                    try run.0.restore(Checkpoint(contentsOf: path))
                }
                return error?.description.replacingOccurrences(of: "\(folder)/", with: "")
            }
        }
        #expect(
            try refusal(state.filter { $0.name != "first.b" })
                == "optimizer.safetensors: 'first.b' is missing, expected with shape [5]. "
                + "Is config.json of the same release?")
        #expect(
            try refusal(state + [("first.c", Tensor([1]))])
                == "optimizer.safetensors: 1 tensors that the network does not have: 'first.c'. "
                + "Is config.json of the same release?")
        #expect(
            try refusal(
                state.map { $0.name == "second.a" ? ($0.name, Tensor([1])) : $0 })
                == "optimizer.safetensors: 'second.a' has shape [1], expected [4, 3]. "
                + "Is config.json of the same release?")
    }
}
