import ModelZoo
import TensorCore

/// One measure of a model on our side and, pair by pair, on the peers'.
public struct ModelTiming: Encodable, Sendable {
    /// What is measured.
    public let name: String
    /// Our median speed.
    public let speed: Double
    /// What speeds count.
    public let unit: OperationCase.Unit
    /// The peers' median speeds, and the median of the pairs' ratios, ours over theirs.
    public let peers: [OperationTiming.Comparison]

    /// - Parameter ours, theirs: one a pair; a peer's are empty where it cannot do the case
    init(
        _ name: String, _ unit: OperationCase.Unit, ours: [Double],
        theirs: [(peer: String, speeds: [Double])]
    ) {
        (self.name, self.unit) = (name, unit)
        speed = median(ours)
        peers = theirs.filter { !$0.speeds.isEmpty }.map { peer, speeds in
            OperationTiming.Comparison(
                peer: peer, speed: median(speeds),
                ratio: median(zip(ours, speeds).map { $0 / $1 }))
        }
    }
}

extension LanguageModelCase {
    /// Reading and writing in `pairs` turns: ours, then each peer's, and again.
    ///
    /// - Throws: `PeerError`, `CheckpointError`, `ConfigError`
    public func measure(pairs: Int, peers: [ScriptPeer]) throws -> [ModelTiming] {
        let run = try LanguageModelRun(self)
        // Pages of the file come in, and buffers.
        _ = run.measure()
        var ours: [[Double]] = [[], []]
        var theirs = peers.map { _ in [[Double](), []] }
        for _ in 0..<pairs {
            let seconds = run.measure()
            for (index, speed) in speeds([seconds.prefill, seconds.token]).enumerated() {
                ours[index].append(speed)
            }
            for (peer, script) in peers.enumerated() {
                guard let seconds = try script.numbers(2, asking: self) else { continue }
                for (index, speed) in speeds(seconds).enumerated() {
                    theirs[peer][index].append(speed)
                }
            }
        }
        return ["prefill \(prompt)", "decode after \(prompt)"].enumerated().map { index, name in
            ModelTiming(
                name, .tokens, ours: ours[index],
                theirs: zip(peers, theirs).map { ($0.name, $1[index]) })
        }
    }

    private func speeds(_ seconds: [Double]) -> [Double] {
        [Double(prompt) / seconds[0], 1 / seconds[1]]
    }

    /// The most memory that this process has taken once the model was opened and ran, and how much
    /// of that weights and cache are. Means something in a process that did nothing else.
    public func peakMemoryAfterARun() throws -> Int {
        let run = try LanguageModelRun(self)
        _ = run.measure()
        return Machine.peakMemoryBytes
    }

    /// Bytes of the weights and of the cache that a run fills.
    ///
    /// - Throws: `CheckpointError`, `ConfigError`
    public func heldBytes() throws -> Int {
        try LanguageModelRun(self).weightBytes
            + 2 * config.numHiddenLayers * config.keyValueHeads * config.headSize
            * DType.float32.byteCount(of: prompt + reply)
    }
}

extension ImageBindCase {
    /// Runs in `pairs` turns: ours, then each peer's, and again.
    ///
    /// - Throws: `PeerError`, `CheckpointError`, `ConfigError`
    public func measure(
        pairs: Int, seconds: Double, peers: [ScriptPeer]
    ) throws -> ModelTiming {
        let run = try prepared()
        run()
        struct Request: Encodable {
            let tower: ImageBindCase
            let seconds: Double
        }
        var ours: [Double] = []
        var theirs = peers.map { _ in [Double]() }
        for _ in 0..<pairs {
            ours.append(1 / OperationCase.time(run, seconds: seconds, by: time))
            for (peer, script) in peers.enumerated() {
                let request = Request(tower: self, seconds: seconds)
                guard let answer = try script.numbers(1, asking: request) else { continue }
                theirs[peer].append(1 / answer[0])
            }
        }
        return ModelTiming(
            name, .inputs, ours: ours, theirs: zip(peers, theirs).map { ($0.name, $1) })
    }

    /// The most memory that this process has taken once the tower ran twice. Means something in a
    /// process that did nothing else.
    public func peakMemoryAfterTwoRuns() throws -> Int {
        let run = try prepared()
        for _ in 0..<2 { run() }
        return Machine.peakMemoryBytes
    }
}
