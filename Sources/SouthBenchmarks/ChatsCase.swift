import Dispatch
public import ModelZoo
import Synchronization
public import TensorCore

/// Chats that are written one after another and at once: what sharing passes gains a server.
public struct ChatsCase: Sendable {
    /// Chats at once.
    public let chats: Int
    /// Tokens that are read before each reply.
    public let prompt: Int
    /// Tokens of each reply.
    public let reply: Int
    private let network: LLaMA

    /// Tokens a second of both ways, and whether both wrote the same.
    public struct Result: Codable, Sendable {
        /// One chat after another.
        public let alone: Double
        /// All at once.
        public let together: Double
        /// Tokens of all replies that are the same both ways, of all.
        public let sameTokens: Double
        /// How many times the throughput.
        public var gain: Double { together / alone }
    }

    /// Sizes of TinyLlama 1.1B, with so many layers of 22.
    public static func tinyLlama(layers: Int = 22) -> LLaMAConfig {
        LLaMAConfig(
            vocabSize: 32000, hiddenSize: 2048, intermediateSize: 5632, numHiddenLayers: layers,
            numAttentionHeads: 32, numKeyValueHeads: 4, maxPositionEmbeddings: 2048)
    }

    /// A case of a network with random weights of one type.
    ///
    /// - Throws: `CheckpointError`, `ConfigError`
    public init(
        _ config: LLaMAConfig = ChatsCase.tinyLlama(), weights type: DType = .bfloat16,
        chats: Int = 8, prompt: Int = 480, reply: Int = 32
    ) throws {
        let shapes = Weights.shapesOnly()
        _ = try LLaMA(config, from: shapes)
        // Each layer has numbers of its own: a pass must read them all from memory.
        let tensors = try shapes.parameters.map { parameter in
            StoredTensor(
                name: parameter.name,
                value: try drawnWeight(parameter.name, parameter.value.shape, as: type).tensor())
        }
        network = try LLaMA(
            config, from: Weights(try Checkpoint(file: "random", tensors: tensors)))
        (self.chats, self.prompt, self.reply) = (chats, prompt, reply)
    }

    /// Reads all prompts, then times the replies both ways.
    public func measure() -> Result {
        let clock = ContinuousClock()
        let first = written(at: 1, clock)
        let second = written(at: chats, clock)
        let same = zip(first.tokens.joined(), second.tokens.joined()).count { $0 == $1 }
        let total = Double(chats * reply)
        return Result(
            alone: total / first.seconds, together: total / second.seconds,
            sameTokens: Double(same) / total)
    }

    /// Replies of all chats, `count` of them at a time; the reading is not timed.
    private func written(
        at count: Int, _ clock: ContinuousClock
    ) -> (tokens: [[Int32]], seconds: Double) {
        let passes = SharedPasses(network)
        let read = (0..<chats).map { chat -> (cache: KVCache, next: Int32) in
            let cache = network.newCache()
            cache.reserve(prompt + reply)
            let ids = (0..<prompt).map { Int32(($0 * 7919 + chat * 31 + 3) % 32000) }
            let rows = network.embedTokens(Tensor(ids))
            return (cache, likeliest(passes.states(after: rows, cache: cache).scores))
        }
        let tokens = Mutex([[Int32]](repeating: [], count: chats))
        let time = clock.measure {
            let threads = DispatchGroup()
            for number in 0..<count {
                DispatchQueue(label: "chat \(number)").async(group: threads) {
                    for chat in stride(from: number, to: chats, by: count) {
                        let ids = write(passes, read[chat].cache, beginningWith: read[chat].next)
                        tokens.withLock { $0[chat] = ids }
                    }
                }
            }
            threads.wait()
        }
        return (tokens.withLock { $0 }, time / .seconds(1))
    }

    private func write(
        _ passes: SharedPasses, _ cache: KVCache, beginningWith first: Int32
    ) -> [Int32] {
        passes.joined {
            var (ids, next) = ([Int32](), first)
            for _ in 0..<reply {
                ids.append(next)
                let rows = network.embedTokens(Tensor([next]))
                next = likeliest(passes.states(after: rows, cache: cache).scores)
            }
            return ids
        }
    }

    private func likeliest(_ scores: Tensor) -> Int32 { Int32(scores.argMax().integers()[0]) }
}
