// Continuous batching: sequences come and go between the passes of one network.
// Paper: Yu et al. 2022, "Orca: A Distributed Serving System for Transformer-Based Generative
// Models", OSDI 22 (scheduling by iteration).

import Dispatch
import Synchronization
public import TensorCore

/// Passes of a network that the sequences of several threads share: the weights are read once for
/// a row of every sequence.
///
/// Each thread writes its own sequence, with its own cache and its own way of drawing tokens, and
/// asks for its next pass here. A pass begins when all that take part have asked, or one has waited
/// long enough; it is computed by the thread that came last. Sequences may differ in length, and
/// join and leave between any two passes. Each is computed as if it were alone, up to the order in
/// which products are summed.
public final class SharedPasses: Sendable {
    /// What is computed of new rows of a sequence.
    public struct States: Sendable {
        /// The states `[time, hiddenSize]` of the layers that were asked for.
        public let layers: [Tensor]
        /// Scores of what follows the last row, `[vocabSize]`.
        public let scores: Tensor
    }

    /// The network.
    public let network: LLaMA
    /// Whose turn it is to compute; a pass takes one.
    public let turns: ComputeTurns

    /// One sequence's wish, and what came of it.
    private final class Wish: Sendable {
        enum News {
            case none
            /// This thread computes the next pass.
            case lead
            case computed(States)
        }

        let embeddings: Tensor
        let cache: KVCache
        let layers: [Int]
        let news = Mutex(News.none)
        let told = DispatchSemaphore(value: 0)

        init(_ embeddings: Tensor, _ cache: KVCache, _ layers: [Int]) {
            (self.embeddings, self.cache, self.layers) = (embeddings, cache, layers)
        }

        func tell(_ news: sending News) {
            self.news.withLock { $0 = news }
            told.signal()
        }
    }

    private struct State {
        /// Threads that write a sequence now.
        var members = 0
        var wishes: [Wish] = []
        /// Whether a thread computes a pass, or was told to.
        var hasLeader = false
        var passes = 0
        var rows = 0
    }

    private let state = Mutex(State())
    /// How long a pass waits for a member that does not ask.
    private static let patience = DispatchTimeInterval.milliseconds(50)
    /// Rows of a prompt that are read in one pass while others write.
    private static let stretch = 64

    /// Passes of that network; several networks of a program share their turns.
    public init(_ network: LLaMA, turns: ComputeTurns = ComputeTurns()) {
        (self.network, self.turns) = (network, turns)
    }

    /// Sequences that are written now.
    public var members: Int { state.withLock { $0.members } }
    /// Passes that were computed, and the rows in them.
    package var computed: (passes: Int, rows: Int) {
        state.withLock { ($0.passes, $0.rows) }
    }

    /// Takes part while `body` runs: passes of others wait for this thread to ask for its own.
    public func joined<Result>(_ body: () throws -> Result) rethrows -> Result {
        state.withLock { $0.members += 1 }
        defer { leave() }
        return try body()
    }

    /// Does something else in the midst of `joined`, for which no pass waits.
    public func apart<Result>(_ body: () throws -> Result) rethrows -> Result {
        leave()
        defer { state.withLock { $0.members += 1 } }
        return try body()
    }

    private func leave() {
        let leader = state.withLock { state -> Wish? in
            state.members -= 1
            return SharedPasses.leader(&state)
        }
        leader?.tell(.lead)
    }

    /// Reads new rows of one sequence, in passes that others share.
    ///
    /// - Shapes: embeddings `[time, hiddenSize]`, `time ≥ 1`
    /// - Parameters:
    ///   - layers: whose states are wanted, numbered as in `LLaMA.hiddenStates`
    ///   - pause: called between the passes of a long text; what it throws ends the reading
    public func states(
        after embeddings: Tensor, cache: KVCache, layers: [Int] = [], pause: () throws -> Void
    ) rethrows -> States {
        var (parts, start) = ([[Tensor]](), 0)
        let count = embeddings.shape[0]
        let mayCut = network.config.mayCutPrompt(endingAt: cache.length + count)
        while true {
            let stretch = members > 1 ? SharedPasses.stretch : LLaMAConfig.longestPass
            let end = mayCut ? min(count, start + stretch) : count
            let states = states(Wish(embeddings.sliced(0, start..<end), cache, layers))
            parts.append(states.layers)
            start = end
            if start == count {
                let whole = layers.indices.map { layer in
                    parts.count == 1
                        ? parts[0][layer] : .concatenate(parts.map { $0[layer] }, axis: 0)
                }
                return States(layers: whole, scores: states.scores)
            }
            try pause()
        }
    }

    /// The same without a pause.
    public func states(
        after embeddings: Tensor, cache: KVCache, layers: [Int] = []
    ) -> States {
        states(after: embeddings, cache: cache, layers: layers) {}
    }

    private func states(_ wish: Wish) -> States {
        let isLast = state.withLock { state in
            state.wishes.append(wish)
            return SharedPasses.leader(&state, else: wish) === wish
        }
        if isLast { lead() }
        while true {
            let isTold = wish.told.wait(timeout: .now() + SharedPasses.patience) == .success
            if isTold {
                switch wish.news.withLock({ $0 }) {
                case .computed(let states): return states
                case .lead: lead()
                case .none: break
                }
            } else if claimsLead(wish) {
                lead()
            }
        }
    }

    /// The thread that must compute now, if all have asked and none does yet.
    private static func leader(_ state: inout State, else last: Wish? = nil) -> Wish? {
        guard !state.hasLeader, state.wishes.count >= max(state.members, 1) else { return nil }
        state.hasLeader = true
        return last ?? state.wishes[0]
    }

    /// Whether a thread whose patience ended computes the pass without the others.
    private func claimsLead(_ wish: Wish) -> Bool {
        state.withLock { state in
            guard !state.hasLeader, state.wishes.contains(where: { $0 === wish }) else {
                return false
            }
            state.hasLeader = true
            return true
        }
    }

    /// Computes one pass of all that was asked for.
    private func lead() {
        let results = turns.taking { () -> [(Wish, States)] in
            // Who asked while the turn was waited for takes part too.
            let wishes = state.withLock { state in
                defer { state.wishes = [] }
                return state.wishes
            }
            return compute(wishes)
        }
        let next = state.withLock { state in
            state.hasLeader = false
            state.passes += 1
            state.rows += results.reduce(0) { $0 + $1.0.embeddings.shape[0] }
            return SharedPasses.leader(&state)
        }
        for (wish, states) in results { wish.tell(.computed(states)) }
        next?.tell(.lead)
    }

    private func compute(_ wishes: [Wish]) -> [(Wish, States)] {
        let last = network.config.numHiddenLayers
        func number(_ layer: Int) -> Int { layer == -1 ? last : layer }
        let wanted = Set(wishes.flatMap { $0.layers.map(number) } + [last]).sorted()
        let states = network.hiddenStates(
            wishes.map { ($0.embeddings, $0.cache) }, layers: wanted)
        let ends = states.map { layers in
            let final = layers[layers.count - 1]
            return final.sliced(0, (final.shape[0] - 1)..<final.shape[0])
        }
        let scores = network.logits(.concatenate(ends, axis: 0))
        return wishes.enumerated().map { index, wish in
            let layers = wish.layers.map { layer in
                states[index][wanted.firstIndex(of: number(layer)) ?? 0]
            }
            return (wish, States(layers: layers, scores: scores[index]))
        }
    }
}
