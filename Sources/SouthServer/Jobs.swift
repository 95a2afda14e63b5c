import FoundationEssentials
import SouthGPT
import Synchronization

/// A clip that is being made, as clients poll it.
struct Job: Encodable, Sendable {
    let id: String
    let object = "video"
    let created: Int
    /// `queued`, `in_progress`, `completed`, `failed`, `cancelled`
    var status = "queued"
    /// Of its work, in per cent.
    var progress = 0
    /// How long the making may take, once it began.
    var estimatedSeconds: Int?
    var error: ErrorBody.Detail?
    var media: String?

    private enum CodingKeys: String, CodingKey {
        case id, object, status, progress, error, url
        case created = "created_at"
        case estimatedSeconds = "estimated_seconds"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(object, forKey: .object)
        try container.encode(created, forKey: .created)
        try container.encode(status, forKey: .status)
        try container.encode(progress, forKey: .progress)
        try container.encodeIfPresent(estimatedSeconds, forKey: .estimatedSeconds)
        try container.encode(error, forKey: .error)
        try container.encodeIfPresent(media.map { "/v1/media/\($0)" }, forKey: .url)
    }
}

/// The jobs that were begun, the last ones of them.
final class Jobs: Sendable {
    private struct Entry {
        var job: Job
        let task: Task<Void, Never>
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Begins to make a clip.
    ///
    /// - Throws: `ServerError.overloaded` where all that are remembered still run
    func start(_ exchange: Exchange, _ request: Request) throws -> Job {
        let job = Job(
            id: "video_\(exchange.media.newName())", created: Int(Date().timeIntervalSince1970))
        try entries.withLock { entries in
            if entries.count >= limit {
                let ended = entries.values.filter { $0.job.hasEnded }.min {
                    $0.job.created < $1.job.created
                }
                guard let ended else { throw ServerError.overloaded(retryAfter: 60) }
                entries[ended.job.id] = nil
            }
            let task = Task { [self] in
                do {
                    let name = try await exchange.make(request) { [self] step in
                        guard case .progress(let step) = step, case .making = step.job else {
                            return
                        }
                        change(job.id) {
                            $0.status = "in_progress"
                            if let seconds = step.estimatedSeconds {
                                $0.estimatedSeconds = wholeSeconds(seconds)
                            }
                            $0.progress = 100 * step.completed / max(step.total, 1)
                        }
                    }
                    change(job.id) { ($0.status, $0.progress, $0.media) = ("completed", 100, name) }
                } catch is CancellationError {
                    change(job.id) { $0.status = "cancelled" }
                } catch {
                    let (status, text, _) = exchange.error(error)
                    change(job.id) {
                        $0.status = "failed"
                        $0.error = ErrorBody(text, status: status).error
                    }
                }
            }
            entries[job.id] = Entry(job: job, task: task)
        }
        return job
    }

    /// The state of a job.
    ///
    /// - Throws: `ServerError.noSuchJob`
    func job(_ id: String) throws -> Job {
        guard let entry = entries.withLock({ $0[id] }) else {
            throw ServerError.noSuchJob(name: id)
        }
        return entry.job
    }

    /// Ends a job within one denoising step.
    ///
    /// - Throws: `ServerError.noSuchJob`
    func cancel(_ id: String) throws -> Job {
        guard let entry = entries.withLock({ $0[id] }) else {
            throw ServerError.noSuchJob(name: id)
        }
        entry.task.cancel()
        if !entry.job.hasEnded { change(id) { $0.status = "cancelled" } }
        return try job(id)
    }

    /// Ends all of them, each within one denoising step.
    func cancelAll() {
        for id in entries.withLock({ Array($0.keys) }) { _ = try? cancel(id) }
    }

    private func change(_ id: String, _ change: (inout Job) -> Void) {
        entries.withLock { entries in
            guard var entry = entries[id], !entry.job.hasEnded else { return }
            change(&entry.job)
            entries[id] = entry
        }
    }
}

extension Job {
    fileprivate var hasEnded: Bool { ["completed", "failed", "cancelled"].contains(status) }
}
