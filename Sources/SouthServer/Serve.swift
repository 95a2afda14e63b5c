#if Server
    import FoundationEssentials
    import HTTPTypes
    import Hummingbird
    import NIOCore
#endif

/// Where the server listens: on this machine alone, unless told otherwise.
public struct ServerAddress: Equatable, Sendable {
    /// A name or an address.
    public var host: String
    /// The port.
    public var port: Int

    /// An address, by default one that other machines cannot reach.
    public init(host: String = "127.0.0.1", port: Int = 24004) {
        self.host = host
        self.port = port
    }
}

/// Answers HTTP requests with `exchange` until the process is told to stop.
///
/// - Throws: `ServerError.traitMissing` where the program was built without the trait `Server`
public func serve(_ exchange: Exchange, at address: ServerAddress = ServerAddress()) async throws {
    #if Server
        let router = Router()
        let limit = max(exchange.limits.requestBytes, exchange.limits.mediaBytes)
        @Sendable func handle(_ request: Request, _ context: BasicRequestContext) async throws
            -> Response
        {
            var body = Data()
            for try await piece in request.body {
                guard body.count + piece.readableBytes <= limit else {
                    throw HTTPError(.contentTooLarge)
                }
                body.append(contentsOf: piece.readableBytesView)
            }
            let reply = await exchange.reply(
                method: request.method.rawValue, path: request.uri.path, body: body)
            var headers = HTTPFields()
            headers[.contentType] = reply.contentType
            // A file that a client sent must not be taken for a page.
            headers[.xContentTypeOptions] = "nosniff"
            if let seconds = reply.retryAfter { headers[.retryAfter] = "\(seconds)" }
            return Response(
                status: .init(code: reply.status), headers: headers,
                body: .init(byteBuffer: ByteBuffer(bytes: reply.body)))
        }
        for path in ["/health", "/v1/generate", "/v1/media/:name"] {
            router.on(RouterPath(path), method: .get, use: handle)
            router.on(RouterPath(path), method: .post, use: handle)
        }
        let application = Application(
            router: router,
            configuration: .init(address: .hostname(address.host, port: address.port)))
        try await application.runService()
    #else
        throw ServerError.traitMissing
    #endif
}
