import Dispatch
import Glibc
import ModelZoo
import Synchronization
import TensorCore
import TestSupport
import Testing

@Suite struct SharedPassesTests {
    private static let config = LLaMAConfig(
        vocabSize: 61, hiddenSize: 32, intermediateSize: 48, numHiddenLayers: 3,
        numAttentionHeads: 4, numKeyValueHeads: 2, maxPositionEmbeddings: 512)

    /// A prompt of `length` tokens, no two alike.
    private func prompt(_ seed: Int, length: Int) -> [Int32] {
        (0..<length).map { Int32(($0 * 7 + seed * 13 + 3) % 61) }
    }

    /// The likeliest tokens after a prompt, one by one.
    private func write(_ passes: SharedPasses, _ prompt: [Int32], count: Int) -> [Int32] {
        let cache = passes.network.newCache()
        var (ids, next) = ([Int32](), prompt)
        return passes.joined {
            while ids.count < count {
                let rows = passes.network.embedTokens(Tensor(next))
                let scores = passes.states(after: rows, cache: cache).scores
                next = [Int32(scores.argMax().integers()[0])]
                ids += next
            }
            return ids
        }
    }

    /// Prompts of unequal length, one of several stretches, and replies that end at different times.
    @Test func severalThreadsWriteWhatEachWritesAlone() throws {
        let network = try LLaMA(Self.config, from: .fresh(seed: 3))
        let wishes = [(5, 20), (1, 31), (150, 8), (17, 25), (3, 1), (70, 14)]
        let alone = wishes.enumerated().map { index, wish in
            write(SharedPasses(network), prompt(index, length: wish.0), count: wish.1)
        }
        let passes = SharedPasses(network)
        let together = Mutex([[Int32]](repeating: [], count: wishes.count))
        let threads = DispatchGroup()
        for (index, wish) in wishes.enumerated() {
            DispatchQueue(label: "\(index)").async(group: threads) {
                let ids = write(passes, prompt(index, length: wish.0), count: wish.1)
                together.withLock { $0[index] = ids }
            }
        }
        threads.wait()
        #expect(together.withLock { $0 } == alone)
        #expect(passes.members == 0)
        #expect(passes.computed.rows == wishes.reduce(0) { $0 + $1.0 + $1.1 - 1 })
    }

    /// What a pass holds does not grow with the prompt.
    @Test func aLongPromptIsReadInSeveralPasses() throws {
        let network = try LLaMA(Self.config, from: .fresh(seed: 3))
        let rows = network.embedTokens(Tensor(prompt(0, length: 1100)))
        let states = network.hiddenStates(rows, cache: network.newCache())
        let passes = SharedPasses(network)
        var pauses = 0
        let found = passes.states(after: rows, cache: network.newCache(), layers: [-1]) {
            pauses += 1
        }
        #expect(passes.computed == (passes: 3, rows: 1100) && pauses == 2)
        #expect(found.layers[0].isClose(to: states, absolute: 1e-5))
        #expect(found.scores.isClose(to: network.logits(states)[1099], absolute: 1e-5))
    }

    /// The angles of all keys depend on the length that the prompt ends with.
    @Test func aPromptBeyondTheTrainedLengthIsNotCut() throws {
        var config = Self.config
        config.ropeScaling = RotaryConfig(type: "dynamic")
        config.ropeScaling?.factor = 2
        let network = try LLaMA(config, from: .fresh(seed: 3))
        let rows = network.embedTokens(Tensor(prompt(0, length: 600)))
        let passes = SharedPasses(network)
        // Of two members a prompt would be read in stretches of 64.
        let found = passes.joined {
            passes.joined { passes.states(after: rows, cache: network.newCache()) }
        }
        #expect(passes.computed.passes == 1)
        let states = network.hiddenStates(rows, cache: network.newCache())
        #expect(found.scores.isClose(to: network.logits(states)[599], absolute: 1e-5))
    }

    @Test func aPassTakesAllWhoTakePart() throws {
        let network = try LLaMA(Self.config, from: .fresh(seed: 3))
        let passes = SharedPasses(network)
        // All are members before the first asks, so that every pass has a row of each.
        let (count, tokens) = (3, 12)
        let arrived = Atomic(0)
        let threads = DispatchGroup()
        for index in 0..<count {
            DispatchQueue(label: "\(index)").async(group: threads) {
                passes.joined {
                    arrived.add(1, ordering: .relaxed)
                    while arrived.load(ordering: .relaxed) < count { usleep(200) }
                    let cache = network.newCache()
                    for token in 0..<tokens {
                        let rows = network.embedTokens(Tensor([Int32(token + index)]))
                        _ = passes.states(after: rows, cache: cache)
                    }
                }
            }
        }
        threads.wait()
        #expect(passes.computed.rows == count * tokens)
        // A slow machine may make one wait longer than others have patience.
        #expect(passes.computed.passes < count * tokens)
    }

    @Test func whoIsApartKeepsNobodyWaiting() throws {
        let network = try LLaMA(Self.config, from: .fresh(seed: 3))
        let passes = SharedPasses(network)
        let alone = write(SharedPasses(network), prompt(1, length: 4), count: 12)
        let wasMember = passes.joined {
            #expect(passes.members == 1)
            return passes.apart {
                #expect(passes.members == 0)
                #expect(write(passes, prompt(1, length: 4), count: 12) == alone)
                return true
            }
        }
        #expect(wasMember && passes.members == 0)
    }

    @Test func givesTheStatesOfChosenLayers() throws {
        let network = try LLaMA(Self.config, from: .fresh(seed: 3))
        let rows = network.embedTokens(Tensor(prompt(0, length: 6)))
        let expected = network.hiddenStates([(rows, network.newCache())], layers: [0, 2, -1])[0]
        let found = SharedPasses(network).states(
            after: rows, cache: network.newCache(), layers: [0, 2, -1])
        #expect(found.layers.map { $0.floats() } == expected.map { $0.floats() })
        // One row at a time is summed in another order than six.
        for (score, other) in zip(found.scores.floats(), network.logits(expected[2])[5].floats()) {
            #expect(abs(score - other) < 1e-5)
        }
    }
}
