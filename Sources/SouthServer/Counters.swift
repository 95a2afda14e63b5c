import ModelZoo
import SouthGPT
import Synchronization
import TensorCore

/// What the server has done since it started, for `/metrics`.
final class Counters: Sendable {
    private struct Values {
        var requests: [Int: Int] = [:]
        var promptTokens = 0
        var generatedTokens = 0
        var media: [String: Int] = [:]
        var seconds: [String: Double] = [:]
    }

    private let values = Mutex(Values())

    func count(status: Int) { values.withLock { $0.requests[status, default: 0] += 1 } }

    func count(_ response: Response) {
        values.withLock { values in
            values.promptTokens += response.promptTokens
            values.generatedTokens += response.generatedTokens
            for medium in response.media {
                values.media[medium.modality.rawValue, default: 0] += 1
            }
            for (job, seconds) in response.seconds {
                values.seconds[job, default: 0] += seconds
            }
        }
    }

    /// The text that Prometheus reads.
    func exposition(waiting: Int, isReady: Bool) -> String {
        let values = values.withLock { $0 }
        var text = ""
        func metric(_ name: String, _ type: String, _ help: String, _ lines: [(String, String)]) {
            text += "# HELP southgpt_\(name) \(help)\n# TYPE southgpt_\(name) \(type)\n"
            for (labels, value) in lines { text += "southgpt_\(name)\(labels) \(value)\n" }
        }
        func labelled<Key: Comparable, Value>(
            _ label: String, _ values: [Key: Value]
        ) -> [(String, String)] {
            values.sorted { $0.key < $1.key }.map { ("{\(label)=\"\($0.key)\"}", "\($0.value)") }
        }
        metric(
            "requests_total", "counter", "Answered requests by HTTP status.",
            labelled("status", values.requests))
        metric(
            "tokens_total", "counter", "Tokens read and written.",
            [
                ("{kind=\"prompt\"}", "\(values.promptTokens)"),
                ("{kind=\"generated\"}", "\(values.generatedTokens)"),
            ])
        metric("media_total", "counter", "Media made.", labelled("modality", values.media))
        metric(
            "busy_seconds_total", "counter", "Time of replies by job.",
            labelled("job", values.seconds))
        metric("waiting_requests", "gauge", "Requests that wait.", [("", "\(waiting)")])
        metric("ready", "gauge", "Whether the model is open.", [("", isReady ? "1" : "0")])
        metric(
            "peak_memory_bytes", "gauge", "Most memory the process had.",
            [("", "\(Machine.peakMemoryBytes)")])
        return text
    }
}
