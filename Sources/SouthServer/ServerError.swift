/// Why a request was not answered, with the HTTP status that says so. The text goes to the client.
public enum ServerError: Error, Equatable {
    /// The request is not what the interface describes.
    case invalid(field: String, problem: String)
    /// Something is over a limit of the server.
    case tooLarge(what: String, found: Int, limit: Int)
    /// No file of that name is in the media folder.
    case noSuchMedia(name: String)
    /// No job of that name is known.
    case noSuchJob(name: String)
    /// Nothing is served at that path, or not by that method.
    case noSuchRoute(method: String, path: String)
    /// The key is absent or another.
    case unauthorized
    /// The queue is full.
    case overloaded(retryAfter: Int)
    /// The model is being opened.
    case loading
    /// The model cannot do this.
    case unable(String)
    /// A file of the page is not there.
    case unreadable(file: String)
    /// The media folder cannot be written.
    case unwritable(folder: String, reason: String)
    /// The file of keys cannot be used.
    case keys(file: String, problem: String)
    /// The program was built without the trait.
    case traitMissing

    /// The HTTP status.
    public var status: Int {
        switch self {
        case .invalid: 400
        case .unauthorized: 401
        case .tooLarge: 413
        case .noSuchMedia, .noSuchRoute, .noSuchJob: 404
        case .unable: 422
        case .overloaded, .loading: 503
        case .unreadable, .unwritable, .keys, .traitMissing: 500
        }
    }

    /// Seconds after which to try again.
    var retryAfter: Int? {
        switch self {
        case .overloaded(let seconds): seconds
        case .loading: 2
        default: nil
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
            "no media '\(name)', or no longer. Upload the file and use the name in the answer."
        case .noSuchJob(let name): "no job '\(name)', or no longer."
        case .noSuchRoute(let method, let path): "nothing at \(method) \(path)."
        case .unauthorized: "the key is missing or wrong; send 'Authorization: Bearer KEY'."
        case .overloaded(let seconds):
            "too many requests are waiting; try again in \(seconds) s."
        case .loading: "the model is being opened; try again in a moment."
        case .unable(let why): why
        case .unreadable(let file): "\(file): cannot be read. Build the package again."
        case .unwritable(let folder, let reason): "\(folder): cannot be written: \(reason)."
        case .keys(let file, let problem):
            "\(file): \(problem). Write a key a line, with a name in front if you like."
        case .traitMissing:
            "this program was built without its HTTP server. Build it with --traits Server."
        }
    }
}
