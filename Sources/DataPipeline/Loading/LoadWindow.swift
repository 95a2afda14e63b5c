/// The batches between the one that is being used and the furthest that may be loaded ahead: hands
/// out samples to load in order, and gives batches back in order whatever finishes first.
actor LoadWindow<Item: Sendable> {
    /// One sample to load.
    struct Job: Sendable {
        let position: Int
        let slot: Int
    }

    private struct Loading {
        var items: [LoadedSample<Item>?]
        var missing: Int
    }

    private let end: Int
    private let prefetch: Int
    private let batchSize: Int
    private var loading: [Int: Loading] = [:]
    private var next: Job
    private var taken: Int
    private var idle: [CheckedContinuation<Job?, Never>] = []
    private var consumer: CheckedContinuation<Void, Never>?
    private var failure: (any Error)?
    private var isOver = false

    init(from start: Int, upTo end: Int, prefetch: Int, batchSize: Int) {
        (self.end, self.prefetch, self.batchSize) = (end, prefetch, batchSize)
        next = Job(position: start, slot: 0)
        taken = start
    }

    /// The next sample to load, once there is room for it; nil when there is no more to do.
    func nextJob() async -> Job? {
        if isOver || next.position >= end { return nil }
        if let job = claim() { return job }
        return await withCheckedContinuation { idle.append($0) }
    }

    private func claim() -> Job? {
        guard next.position < min(end, taken + prefetch) else { return nil }
        let job = next
        if job.slot == 0 {
            loading[job.position] = Loading(
                items: Array(repeating: nil, count: batchSize), missing: batchSize)
        }
        let isLast = job.slot + 1 == batchSize
        next = Job(position: job.position + (isLast ? 1 : 0), slot: isLast ? 0 : job.slot + 1)
        return job
    }

    /// Takes a loaded sample.
    func put(_ sample: LoadedSample<Item>, for job: Job) {
        loading[job.position]?.items[job.slot] = sample
        loading[job.position]?.missing -= 1
        if job.position == taken, loading[taken]?.missing == 0 { wakeConsumer() }
    }

    /// Ends all work; whoever waits is woken.
    func stop(_ error: (any Error)? = nil) {
        if failure == nil { failure = error }
        isOver = true
        for worker in idle { worker.resume(returning: nil) }
        idle = []
        wakeConsumer()
    }

    private func wakeConsumer() {
        consumer?.resume()
        consumer = nil
    }

    /// The next batch's samples, waiting for them; nil when the work is over.
    ///
    /// - Throws: what a worker stopped with
    func take() async throws -> [LoadedSample<Item>]? {
        while taken < end {
            if let ready = loading[taken], ready.missing == 0 {
                loading[taken] = nil
                taken += 1
                giveOut()
                return ready.items.compactMap { $0 }
            }
            if let failure { throw failure }
            if isOver { return nil }
            await withCheckedContinuation { consumer = $0 }
        }
        return nil
    }

    private func giveOut() {
        while !idle.isEmpty {
            let isDone = next.position >= end
            guard let job = isDone ? nil : claim() else {
                if isDone {
                    for worker in idle { worker.resume(returning: nil) }
                    idle = []
                }
                return
            }
            idle.removeFirst().resume(returning: job)
        }
    }
}

/// A sample as it was loaded, and what it took.
struct LoadedSample<Item: Sendable>: Sendable {
    let item: Item
    /// Samples that could not be used before one could.
    let bad: Int
    /// Samples that had nothing to learn from that fits.
    let dropped: Int
}
