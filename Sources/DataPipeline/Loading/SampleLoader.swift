/// One rank's batches, loaded in the background: workers read, decode and prepare samples ahead of
/// the one that trains, and hand the batches over in the sampler's order.
///
/// A sample that cannot be used is named in the quarantine, and the next record of its dataset takes
/// its place: what a batch holds depends on the data alone, never on timing. One slow file holds up
/// nobody but its own batch, until the window of batches ahead is full.
public struct SampleLoader<Item: Sendable>: Sendable {
    /// A batch in the sampler's order.
    public struct Batch: Sendable {
        /// Its number from the first epoch's first batch on: where to go on after it is this plus 1.
        public let position: Int
        /// Which dataset of the list it comes from.
        public let dataset: Int
        /// Its samples, prepared.
        public let items: [Item]
        /// Samples that could not be used, and were replaced.
        public let bad: Int
        /// Samples that were too long for anything to be learnt, and were replaced.
        public let dropped: Int
    }

    private let datasets: [DialogueDataset]
    private let sampler: BlendedSampler
    private let workers: Int
    private let prefetch: Int
    private let quarantine: Quarantine
    private let prepare: @Sendable (DialogueSample) throws -> Item?

    /// As many records after a bad one are tried before its dataset is given up.
    private static var attempts: Int { 1_000 }

    /// A loader.
    ///
    /// - Parameters:
    ///   - datasets: those whose sizes the sampler knows, in the same order
    ///   - workers: samples that are loaded at a time
    ///   - prefetch: batches that are loaded ahead, the one in use among them
    ///   - prepare: opens a sample's media and lays it out, on a worker; nil leaves it out
    public init(
        _ datasets: [DialogueDataset], sampler: BlendedSampler, workers: Int = 2,
        prefetch: Int = 4, quarantine: Quarantine,
        prepare: @escaping @Sendable (DialogueSample) throws -> Item?
    ) {
        precondition(
            workers > 0 && prefetch > 0, "SampleLoader: \(workers) workers, \(prefetch) ahead")
        (self.datasets, self.sampler, self.workers) = (datasets, sampler, workers)
        (self.prefetch, self.quarantine, self.prepare) = (prefetch, quarantine, prepare)
    }

    /// Calls `body` with the batches `start..<end`, counted over all epochs, one after the other.
    ///
    /// Returns when all are done; when `body` throws or the task is cancelled, after the samples
    /// that are being loaded at that moment.
    ///
    /// - Throws: `DatasetError.tooManyBad` and `.noneUsable`; what the machine is to blame for, such
    ///   as a full disk; `CancellationError`; what `body` throws
    public func forEachBatch(
        from start: Int, upTo end: Int, isolation: isolated (any Actor)? = #isolation,
        _ body: (Batch) async throws -> Void
    ) async throws {
        precondition(0 <= start && start <= end, "forEachBatch: \(start)..<\(end)")
        let window = LoadWindow<Item>(
            from: start, upTo: end, prefetch: prefetch, batchSize: sampler.rankBatch)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: WaitingThread("southgpt.loader.retest")) {
                try retest()
            }
            try await group.next()
            for number in 0..<workers {
                let thread = WaitingThread("southgpt.loader.\(number)")
                group.addTask(executorPreference: thread) { await work(window) }
            }
            do {
                for position in start..<end {
                    guard let samples = try await window.take() else { break }
                    try Task.checkCancellation()
                    try await body(
                        Batch(
                            position: position, dataset: batch(position).dataset,
                            items: samples.map(\.item),
                            bad: samples.reduce(0) { $0 + $1.bad },
                            dropped: samples.reduce(0) { $0 + $1.dropped }))
                }
                try Task.checkCancellation()
            } catch {
                await window.stop(error)
                throw error
            }
            await window.stop()
        }
    }

    private func batch(_ position: Int) -> BlendedSampler.Batch {
        sampler.batch(
            position % sampler.batchesPerEpoch, epoch: position / sampler.batchesPerEpoch)
    }

    private func work(_ window: LoadWindow<Item>) async {
        while let job = await window.nextJob() {
            do {
                try Task.checkCancellation()
                await window.put(try load(job.position, job.slot), for: job)
            } catch {
                await window.stop(error)
            }
        }
    }

    private func load(_ position: Int, _ slot: Int) throws -> LoadedSample<Item> {
        let batch = batch(position)
        let dataset = datasets[batch.dataset]
        var (bad, dropped) = (0, 0)
        while bad + dropped < min(SampleLoader.attempts, dataset.count) {
            let index = (batch.samples[slot] + bad + dropped) % dataset.count
            do {
                if let item = try prepare(dataset.sample(index)) {
                    return LoadedSample(item: item, bad: bad, dropped: dropped)
                }
                dropped += 1
            } catch let error where error is CancellationError || blamesMachine(error) {
                throw error
            } catch {
                try quarantine.add(
                    BadSample(
                        dataset: dataset.entry.name, place: dataset.place(of: index),
                        reason: "\(error)"))
                bad += 1
            }
            try Task.checkCancellation()
        }
        throw DatasetError.noneUsable(
            dataset: dataset.entry.name, bad: bad, dropped: dropped,
            list: quarantine.path ?? "the report")
    }

    /// Tries the samples again that an earlier run could not use: what was mended since counts no
    /// more, nor does a record that is gone.
    private func retest() throws {
        try quarantine.retest { bad in
            guard let dataset = datasets.first(where: { $0.entry.name == bad.dataset }) else {
                return false
            }
            do {
                if let sample = try dataset.sample(at: bad.place) { _ = try prepare(sample) }
                return true
            } catch let error where error is CancellationError || blamesMachine(error) {
                throw error
            } catch {
                return false
            }
        }
    }
}
