/// Why a request was not answered, with the HTTP status that says so. The text goes to the client.
public enum ServerError: Error, Equatable {
    /// The request is not what the interface describes.
    case invalid(field: String, problem: String)
    /// Something is over a limit of the server.
    case tooLarge(what: String, found: Int, limit: Int)
    /// No file of that name is in the media folder.
    case noSuchMedia(name: String)
    /// Nothing is served at that path, or not by that method.
    case noSuchRoute(method: String, path: String)
    /// The queue is full.
    case overloaded(retryAfter: Int)
    /// The media folder cannot be written.
    case unwritable(folder: String, reason: String)
    /// The program was built without the trait.
    case traitMissing

    /// The HTTP status.
    public var status: Int {
        switch self {
        case .invalid: 400
        case .tooLarge: 413
        case .noSuchMedia, .noSuchRoute: 404
        case .overloaded: 503
        case .unwritable, .traitMissing: 500
        }
    }
}

extension ServerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalid(let field, let problem): "'\(field)' \(problem)."
        case .tooLarge(let what, let found, let limit):
            "\(what) is \(found), at most \(limit) allowed."
        case .noSuchMedia(let name):
            "no media '\(name)'. Upload the file first and use the name in the answer."
        case .noSuchRoute(let method, let path): "nothing at \(method) \(path)."
        case .overloaded(let seconds):
            "too many requests are waiting; try again in \(seconds) s."
        case .unwritable(let folder, let reason): "\(folder): cannot be written: \(reason)."
        case .traitMissing:
            "this program was built without its HTTP server. Build it with --traits Server."
        }
    }
}
