import Dialogue
import Diffusion
import FoundationEssentials
import MediaIO
import ModelZoo
import SouthGPT
import TensorCore

/// An error as OpenAI's clients read it.
struct ErrorBody: Encodable {
    struct Detail: Encodable {
        let message: String
        let type: String
        let param: String?
        let code: String?

        private enum CodingKeys: String, CodingKey { case message, type, param, code }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(message, forKey: .message)
            try container.encode(type, forKey: .type)
            try container.encode(param, forKey: .param)
            try container.encode(code, forKey: .code)
        }
    }

    let error: Detail

    init(_ message: String, status: Int, param: String? = nil) {
        let type =
            switch status {
            case 401: "authentication_error"
            case 400..<500: "invalid_request_error"
            case 503: "overloaded_error"
            default: "server_error"
            }
        error = Detail(message: message, type: type, param: param, code: nil)
    }
}

extension Exchange {
    /// What a client is told of an error, and with which status.
    func error(_ error: any Error) -> (status: Int, text: String, field: String?) {
        switch error {
        case let error as ServerError:
            var field: String?
            if case .invalid(let name, _) = error { field = name }
            return (error.status, error.description, field)
        case is CancellationError: return (499, "the request was cancelled.", nil)
        case is MemoryError: return (507, "\(error)", nil)
        case is ModelError, is MediaError, is DecoderError, is SchedulerError, is DialogueError:
            // Folders of this machine are no client's business.
            var text = "\(error)".replacing("\(media.path)/", with: "")
            if let folder = try? engine.served.path {
                text = text.replacing("\(folder)/", with: "")
            }
            return (400, text, nil)
        default:
            // Errors of the system may name files of the machine.
            log.note("error", ["reason": "\(error)"])
            return (500, "the request failed; the server's log says why.", nil)
        }
    }

    func reply(to error: any Error) -> Reply {
        let (status, text, field) = self.error(error)
        var reply = Reply(status, json: ErrorBody(text, status: status, param: field))
        if let seconds = (error as? ServerError)?.retryAfter {
            reply.headers["retry-after"] = "\(seconds)"
        }
        return reply
    }

    /// Does work whose errors are replies.
    func replying(_ work: () async throws -> Reply) async -> Reply {
        do {
            return try await work()
        } catch {
            return reply(to: error)
        }
    }
}

extension ServerLimits {
    /// A request's body, of no more than `requestBytes`.
    ///
    /// - Throws: `ServerError.tooLarge`, `.invalid` with the field's path
    func read<Value: Decodable>(_ type: Value.Type, from body: Data) throws -> Value {
        guard body.count <= requestBytes else {
            throw ServerError.tooLarge(
                what: "the request, in bytes,", found: body.count, limit: requestBytes)
        }
        do {
            return try JSONDecoder().decode(type, from: body)
        } catch let error as DecodingError {
            throw ServerError.invalid(field: error.field, problem: error.problem)
        }
    }
}

extension DecodingError {
    private var context: Context? {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context),
            .keyNotFound(_, let context), .dataCorrupted(let context):
            context
        @unknown default: nil
        }
    }

    /// The path of the value that cannot be read.
    fileprivate var field: String {
        var names = context?.codingPath.map(\.stringValue) ?? []
        if case .keyNotFound(let key, _) = self { names.append(key.stringValue) }
        return names.isEmpty ? "the request" : names.joined(separator: ".")
    }

    fileprivate var problem: String {
        if case .keyNotFound = self { return "is missing" }
        var reason = context?.debugDescription ?? "unknown reason"
        // The sentence around it has a full stop of its own.
        if reason.hasSuffix(".") { reason.removeLast() }
        return "cannot be read: \(reason)"
    }
}
