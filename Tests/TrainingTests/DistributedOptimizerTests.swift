import SouthBenchmarks
import TensorCore
import TestSupport
import Testing
import Training

/// Several ranks, as threads of one process, beside one that sees all of their batches.
@Suite struct DistributedOptimizerTests {
    /// A small transformer and its optimiser, on one rank.
    struct Run {
        let model: SmallTransformer
        let parameters: [Parameter]
        let optimizer: PhaseOptimizer
        let communicator: Communicator

        init(
            _ config: OptimizerConfig, _ communicator: Communicator, storage: DType = .float32,
            seed: UInt64 = 13
        ) throws {
            var sizes = SmallTransformer.Config()
            (sizes.vocabulary, sizes.width, sizes.layers) = (32, 16, 2)
            (sizes.heads, sizes.context) = (2, 8)
            let weights = Weights.fresh(seed: seed)
            model = try SmallTransformer(sizes, from: weights)
            parameters = weights.parameters
            for parameter in parameters {
                parameter.replace(with: parameter.value.cast(to: storage))
            }
            let phase = TrainingPhase(
                "all",
                [
                    ParameterGroup("first", Array(parameters[..<3]), rateScale: 2),
                    ParameterGroup("rest", Array(parameters[3...]), weightDecay: 0),
                ])
            optimizer = try PhaseOptimizer(phase, config, communicator: communicator)
            self.communicator = communicator
        }

        /// Steps over batches of 12 sequences, of which this rank takes its part in two micro-batches.
        func advance(_ steps: Range<Int>) throws -> [Double] {
            try steps.map { step in
                let ids = Tensor(
                    recipeNumbers("ids.\(step)", 12 * 9).map { Int32(($0 + 0.5) * 32) }, [12, 9])
                let mine = 12 / communicator.size
                for half in 0..<2 {
                    let start = communicator.rank * mine + half * mine / 2
                    let part = ids.sliced(0, start..<start + mine / 2)
                    let loss = withGradients {
                        model.loss(part.sliced(1, 0..<8), targets: part.sliced(1, 1..<9))
                            * (Float(mine) / 24)
                    }
                    try optimizer.accumulate(loss, isLast: half == 1)
                }
                return try optimizer.step(rate: 1e-2, clip: 0.5).gradientNorm
            }
        }

        var weights: [[Float]] { parameters.map { $0.value.floats() } }
    }

    struct Setting: Sendable, CustomTestStringConvertible {
        var ranks: Int
        var partitions: Bool
        var bucketLength: Int
        var testDescription: String {
            "\(ranks) ranks, \(partitions ? "ZeRO-2" : "replicas"), buckets of \(bucketLength)"
        }

        var config: OptimizerConfig {
            var config = OptimizerConfig()
            (config.partitionsState, config.bucketLength) = (partitions, bucketLength)
            return config
        }

        static let all = [2, 3].flatMap { ranks in
            [false, true].flatMap { partitions in
                [700, 1 << 20].map {
                    Setting(ranks: ranks, partitions: partitions, bucketLength: $0)
                }
            }
        }
    }

    private func largestDifference(_ a: [[Float]], _ b: [[Float]]) -> Float {
        let largest = b.joined().map(abs).max() ?? 0
        return zip(a.joined(), b.joined()).map { abs($0 - $1) }.max().map { $0 / largest } ?? 0
    }

    private func alone(_ config: OptimizerConfig = .init()) throws -> Run {
        try Run(config, Communicator(InProcessTransport.ranks(1)[0]))
    }

    @Test(arguments: Setting.all) func manyRanksAreOneWithTheirBatches(_ setting: Setting) throws {
        let one = try alone()
        let norms = try one.advance(0..<4)
        let many = try ranks(setting.ranks) { communicator in
            // Only rank 0's weights count.
            let seed = communicator.rank == 0 ? 13 : 99 as UInt64
            let run = try Run(setting.config, communicator, seed: seed)
            return (try run.advance(0..<4), run.weights)
        }
        for (theirNorms, weights) in many {
            #expect(zip(norms, theirNorms).allSatisfy { abs($0 - $1) <= 1e-5 * $0 })
            #expect(largestDifference(weights, one.weights) <= 1e-5)
            #expect(weights == many[0].1)
        }
    }

    @Test(arguments: [false, true]) func sumsInBfloat16AreClose(_ partitions: Bool) throws {
        let one = try alone()
        let norms = try one.advance(0..<4)
        let many = try ranks(2) { communicator in
            var config = OptimizerConfig()
            (config.partitionsState, config.reduction) = (partitions, .bfloat16)
            let run = try Run(config, communicator)
            return (try run.advance(0..<4), run.weights)
        }
        let errors = zip(norms, many[0].0).map { abs($0 - $1) / $0 }
        #expect(errors.allSatisfy { $0 <= 2e-2 } && errors.contains { $0 > 1e-6 })
        #expect(many[0].1 == many[1].1)
    }

    @Test(arguments: [false, true]) func storedWeightsAreTheirMastersRounded(
        _ partitions: Bool
    ) throws {
        let many = try ranks(2) { communicator in
            var config = OptimizerConfig()
            (config.partitionsState, config.bucketLength) = (partitions, 500)
            let run = try Run(config, communicator, storage: .bfloat16)
            _ = try run.advance(0..<3)
            return (try run.optimizer.loadedState(), run.parameters)
        }
        let state = Dictionary(uniqueKeysWithValues: many[0].0.map { ($0, $1) })
        for parameter in many[0].1 {
            let master = try #require(state["master.\(parameter.name)"])
            #expect(parameter.value.dtype == .bfloat16)
            #expect(master.cast(to: .bfloat16).floats() == parameter.value.floats())
        }
        // Who does not write gets nothing put together.
        let others = many[1].0.filter { $0.name.hasPrefix("master.") }
        #expect(others.count == many[1].1.count)
        if partitions { #expect(others.allSatisfy { $0.value.count == 0 }) }
        #expect(many[0].1.map { $0.value.floats() } == many[1].1.map { $0.value.floats() })
    }

    @Test func aRunGoesOnAtAnotherNumberOfRanks() throws {
        let one = try alone()
        _ = try one.advance(0..<6)
        let partitioned = Setting(ranks: 3, partitions: true, bucketLength: 900).config
        let first = try ranks(3) { communicator in
            let run = try Run(partitioned, communicator)
            _ = try run.advance(0..<3)
            return (try run.optimizer.loadedState(), run.parameters.map(\.value))
        }
        let (state, weights) = first[0]
        let saved = try Checkpoint(
            file: "memory", tensors: state.map { StoredTensor(name: $0.name, value: $0.value) })
        for ranksAfter in [1, 2, 3] {
            let rest = try ranks(ranksAfter) { communicator in
                let run = try Run(partitioned, communicator)
                for (parameter, value) in zip(run.parameters, weights) {
                    parameter.replace(with: value)
                }
                try run.optimizer.restore(saved)
                _ = try run.advance(3..<6)
                return run.weights
            }
            #expect(largestDifference(rest[0], one.weights) <= 1e-5, "\(ranksAfter) ranks")
            if ranksAfter == 3 {
                let whole = try ranks(3) { communicator in
                    let run = try Run(partitioned, communicator)
                    _ = try run.advance(0..<6)
                    return run.weights
                }
                #expect(rest == whole)
            }
        }
    }

    /// Nor does putting the state together for a file take more than one record and a bucket.
    @Test func stateIsPutTogetherOneRecordAtATime() throws {
        let lengths = [3000, 40, 7, 900]
        let largest = try ranks(3) { communicator in
            let transport = WatchedTransport(communicator.transport)
            let parameters = lengths.enumerated().map {
                Parameter("\($0)", recipeInput("\($0)", [$1], scale: 1))
            }
            var config = OptimizerConfig()
            (config.partitionsState, config.bucketLength) = (true, 600)
            let optimizer = try PhaseOptimizer(
                TrainingPhase("all", [ParameterGroup("all", parameters)]), config,
                communicator: Communicator(transport))
            let loss = withGradients {
                parameters.map { ($0.value * $0.value).sum() }.reduce(Tensor(0), +)
            }
            try optimizer.accumulate(loss, isLast: true)
            _ = try optimizer.step(rate: 0.1, clip: nil)
            for stored in optimizer.state() {
                let value = try stored.tensor()
                guard communicator.rank == 0, stored.name.hasPrefix("first.") else { continue }
                // A first step's mean is a tenth of the gradient, on each of three ranks twice the
                // weight.
                let start = recipeInput(String(stored.name.dropFirst(6)), [value.count], scale: 1)
                #expect(value.isClose(to: start * 0.6, absolute: 1e-6), "\(stored.name)")
            }
            return transport.gathered
        }
        // All there is would be 2 · 3947 numbers.
        #expect(largest[0] > 0 && largest[0] <= 600, "\(largest)")
    }

    @Test(arguments: [false, true]) func aRankWhoseLossIsNoNumberKeepsAllWhereTheyAre(
        _ partitions: Bool
    ) throws {
        let moved = try ranks(2) { communicator in
            var config = OptimizerConfig()
            config.partitionsState = partitions
            config.lossScale = .dynamic(.init(hysteresis: 1))
            let weight = Parameter("w", Tensor([1, 2, 3]))
            let optimizer = try PhaseOptimizer(
                TrainingPhase("all", [ParameterGroup("all", [weight])]), config,
                communicator: communicator)
            let outcomes = try [false, true].map { isFinite in
                let loss = withGradients { weight.value.sum() }
                try optimizer.accumulate(loss, isLast: true)
                let outcome = try optimizer.step(
                    rate: 0.1, clip: nil, isLossFinite: isFinite || communicator.rank == 0)
                return (outcome, weight.value.floats())
            }
            #expect(!outcomes[0].0.isFinite && !outcomes[0].0.isLossFinite)
            #expect(outcomes[0].1 == [1, 2, 3])
            // A loss that is no number is no overflow of its scale.
            #expect(outcomes[1].0.lossScale == outcomes[0].0.lossScale)
            #expect(outcomes[1].0.isFinite && outcomes[1].0.isLossFinite)
            return outcomes[1].1
        }
        #expect(moved[0] == moved[1] && moved[0] != [1, 2, 3])
    }

    @Test(arguments: [false, true]) func aRankWithNothingToLearnTakesPart(_ partitions: Bool) throws
    {
        let weights = try ranks(2) { communicator in
            var config = OptimizerConfig()
            config.partitionsState = partitions
            let (touched, untouched) = (
                Parameter("touched", Tensor([1, 2, 3])), Parameter("untouched", Tensor([4, 5]))
            )
            let optimizer = try PhaseOptimizer(
                TrainingPhase("all", [ParameterGroup("all", [touched, untouched])]), config,
                communicator: communicator)
            for _ in 0..<2 {
                let loss = withGradients { (touched.value * Tensor([1, -1, 2])).sum() }
                try optimizer.accumulate(communicator.rank == 1 ? loss : nil, isLast: true)
                _ = try optimizer.step(rate: 0.1, clip: nil)
            }
            return touched.value.floats() + untouched.value.floats()
        }
        #expect(weights[0] == weights[1])
        #expect(zip(weights[0], [0.8, 2.2, 2.8, 4, 5]).allSatisfy { abs($0 - $1) < 0.01 })
        #expect(weights[0].suffix(2) == [4, 5])
    }

    @Test func ranksThatTrainDifferentThingsAreToldSo() throws {
        let messages = try ranks(3) { communicator in
            let name = communicator.rank == 2 ? "other" : "weight"
            let phase = TrainingPhase(
                "all", [ParameterGroup("all", [Parameter(name, Tensor([1]))])])
            do {
                _ = try PhaseOptimizer(phase, OptimizerConfig(), communicator: communicator)
                return ""
            } catch { return "\(error)" }
        }
        let expected =
            "rank 2 has the trained parameter 'all other float32 [1] 1.0 0.01', rank 0 'all weight "
            + "float32 [1] 1.0 0.01'. Start all ranks with the same arguments and files."
        #expect(messages == Array(repeating: expected, count: 3))
    }
}
