import TensorCore

/// What this machine can do at most with the threads and kernels in use, measured.
public struct MachinePeak: Codable, Equatable, Sendable {
    /// Fused multiply-adds of float32, in 10⁹ operations a second.
    public let gigaflops: Double
    /// Reads of memory beyond the caches, in 10⁹ bytes a second.
    public let gigabytes: Double

    /// Measures both, in some seconds: the best of 25 runs each.
    public static func measured() -> MachinePeak {
        let clock = ContinuousClock()
        let x = Tensor.full([1 << 26], 1)
        let arithmetic = (0..<25).map { _ -> Double in
            var operations = 0.0
            let time = clock.measure { operations = MachineLimits.multiplyAdds() }
            return operations / (time / .seconds(1)) / 1e9
        }
        let reads = (0..<25).map { _ -> Double in
            let time = clock.measure { MachineLimits.readThrough(x) }
            return Double(x.byteCount) / (time / .seconds(1)) / 1e9
        }
        // A limit is what was reached at best: other programs only ever take away.
        return MachinePeak(
            gigaflops: arithmetic.max() ?? .nan, gigabytes: reads.max() ?? .nan)
    }
}

/// The middle of some numbers, the mean of the two middle ones where there is none.
func median(_ numbers: [Double]) -> Double {
    let sorted = numbers.sorted()
    let (low, high) = ((sorted.count - 1) / 2, sorted.count / 2)
    return sorted.isEmpty ? .nan : (sorted[low] + sorted[high]) / 2
}

/// A case timed on our side and, pair by pair, on a peer's.
public struct OperationTiming: Codable, Equatable, Sendable {
    /// The case.
    public let name: String
    /// What the speeds count.
    public let unit: OperationCase.Unit
    /// Our median speed.
    public let speed: Double
    /// The fraction of what the machine can do at most; nil where no such limit applies.
    public let fractionOfPeak: Double?
    /// The peers' median speeds, and the median of the ratios ours / theirs of the pairs.
    public let peers: [Comparison]

    /// One peer's side.
    public struct Comparison: Codable, Equatable, Sendable {
        /// The peer's name and version.
        public let peer: String
        /// Its median speed.
        public let speed: Double
        /// The median over the pairs of our speed divided by its.
        public let ratio: Double
    }
}

extension OperationCase {
    /// Times this case in `pairs` turns: ours, then each peer's, and again.
    ///
    /// - Parameter seconds: of our runs in each turn, at least; two runs in any case
    /// - Throws: `PeerError`, `CheckpointError`
    public func measure(
        pairs: Int, seconds: Double, peak: MachinePeak?, peers: [any Peer]
    ) throws -> OperationTiming {
        let run = try prepared(on: .cpu)
        try run()
        var ours: [Double] = []
        var theirs = [[Double]](repeating: [], count: peers.count)
        let able = peers.map { $0.times(self) }
        for _ in 0..<pairs {
            ours.append(try work / OperationCase.time(run, seconds: seconds))
            for (index, peer) in peers.enumerated() where able[index] {
                theirs[index].append(work / (try peer.time(self, seconds: seconds)))
            }
        }
        let limit: Double? =
            switch unit {
            case .gigaflops: peak?.gigaflops
            case .gigabytes: peak?.gigabytes
            case .tokens, .images, .inputs: nil
            }
        let comparisons = peers.indices.filter { able[$0] }.map { index in
            OperationTiming.Comparison(
                peer: peers[index].name, speed: median(theirs[index]),
                ratio: median(zip(ours, theirs[index]).map { $0 / $1 }))
        }
        return OperationTiming(
            name: name, unit: unit, speed: median(ours),
            fractionOfPeak: limit.map { median(ours) / $0 }, peers: comparisons)
    }

    /// The median seconds of a run.
    static func time(
        _ run: () throws -> Void, seconds: Double, by measure: TimeMeasure = .wall
    ) rethrows -> Double {
        var times: [Double] = []
        var total = 0.0
        while times.count < 2 || (total < seconds && times.count < 1000) {
            let time = try measure.seconds(run)
            times.append(time)
            total += time
        }
        return median(times)
    }
}
