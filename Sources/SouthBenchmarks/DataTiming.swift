import Dispatch
import Synchronization

/// How many files a second are loaded on our side and, pair by pair, on a peer's.
public struct DataTiming: Codable, Equatable, Sendable {
    /// The case.
    public let name: String
    /// Files that were loaded in turn.
    public let files: Int
    /// Workers that loaded them side by side.
    public let workers: Int
    /// Our median number of files a second, all workers together.
    public let perSecond: Double
    /// The same for each worker.
    public let perWorker: Double
    /// The peers' numbers, and the median of the ratios ours / theirs of the pairs.
    public let peers: [OperationTiming.Comparison]
}

extension DataCase {
    private struct Request: Encodable {
        let load: DataCase
        let files: [String]
        let workers: Int
        let seconds: Double
    }

    /// Times this case in `pairs` turns: ours, then each peer's, and again.
    ///
    /// - Parameter seconds: of each turn, at least
    /// - Throws: `PeerError`, `MediaError`
    public func measure(
        files: [String], workers: Int, pairs: Int, seconds: Double, peers: [ScriptPeer]
    ) throws -> DataTiming {
        for file in files { _ = try load(file) }
        let request = Request(load: self, files: files, workers: workers, seconds: seconds)
        var ours: [Double] = []
        var theirs = [[Double]](repeating: [], count: peers.count)
        for _ in 0..<pairs {
            ours.append(filesPerSecond(files, workers: workers, seconds: seconds))
            for (index, peer) in peers.enumerated() {
                theirs[index].append(try peer.number(asking: request))
            }
        }
        let speed = median(ours)
        return DataTiming(
            name: name, files: files.count, workers: workers, perSecond: speed,
            perWorker: speed / Double(workers),
            peers: peers.indices.map { index in
                OperationTiming.Comparison(
                    peer: peers[index].name, speed: median(theirs[index]),
                    ratio: median(zip(ours, theirs[index]).map { $0 / $1 }))
            })
    }

    /// Loads the files in turn, as often as there is time.
    private func filesPerSecond(_ files: [String], workers: Int, seconds: Double) -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let end = start.advanced(by: .seconds(seconds))
        let next = Atomic<Int>(0)
        let done = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            repeat {
                let turn = next.wrappingAdd(1, ordering: .relaxed).oldValue
                // They were all loaded before.
                _ = try? load(files[turn % files.count])
                done.wrappingAdd(1, ordering: .relaxed)
            } while clock.now < end
        }
        let elapsed = start.duration(to: clock.now) / .seconds(1)
        return Double(done.load(ordering: .relaxed)) / elapsed
    }
}
