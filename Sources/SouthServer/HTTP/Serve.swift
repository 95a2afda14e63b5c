#if Server
    import FoundationEssentials
    import HTTPTypes
    import Hummingbird
    import HummingbirdCore
    import Logging
    import NIOCore
#endif

/// Where the server listens: on this machine alone, unless told otherwise.
public struct ServerAddress: Equatable, Sendable {
    /// A name or an address.
    public var host: String
    /// The port; 0 lets the system choose.
    public var port: Int
    /// The origins whose pages may call the API; none.
    public var origins: [String]

    /// An address, by default one that other machines cannot reach.
    public init(host: String = "127.0.0.1", port: Int = 24004, origins: [String] = []) {
        self.host = host
        self.port = port
        self.origins = origins
    }
}

/// Whether this build can serve.
public var hasServer: Bool {
    #if Server
        true
    #else
        false
    #endif
}

/// Answers HTTP requests with `exchange` until the process is told to stop by SIGTERM or SIGINT:
/// answers that are being made then are finished, or ended where their client goes, and jobs are
/// cancelled. A second signal cancels the answers too.
///
/// - Parameter onStart: told the port once requests are taken
/// - Throws: `ServerError.traitMissing` where the program was built without the trait `Server`
public func serve(
    _ exchange: Exchange, at address: ServerAddress = ServerAddress(),
    onStart: @escaping @Sendable (_ port: Int) -> Void = { _ in }
) async throws {
    #if Server
        let carrier = Carrier(exchange: exchange, origins: address.origins)
        let router = Router(context: CallerContext.self)
        router.add(middleware: carrier)
        var logger = Logger(label: "southgpt")
        logger.logLevel = .error
        let application = Application(
            router: router,
            // Who neither asks nor listens does not keep a connection, nor do more than these at once.
            server: .http1(
                configuration: .init(
                    idleTimeout: .seconds(60),
                    httpDecoderConfiguration: .init(
                        maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 128))),
            configuration: .init(
                address: .hostname(address.host, port: address.port), serverName: "south-gpt",
                availableConnectionsDelegate: MaximumAvailableConnections(512)),
            onServerRunning: { channel in onStart(channel.localAddress?.port ?? address.port) },
            logger: logger)
        let sweep = Task {
            while !Task.isCancelled {
                exchange.media.removeOldFiles()
                try await Task.sleep(for: .seconds(600))
            }
        }
        defer { sweep.cancel() }
        let running = Task { try await application.runService() }
        let signals = EndSignals(first: exchange.jobs.cancelAll, again: { running.cancel() })
        defer { withExtendedLifetime(signals) {} }
        let result = await running.result
        await exchange.stop()
        // Whoever signals twice wants no error.
        if !running.isCancelled { try result.get() }
    #else
        throw ServerError.traitMissing
    #endif
}

#if Server
    /// A request's context, with where it came from.
    private struct CallerContext: RequestContext {
        var coreContext: CoreRequestContextStorage
        let client: String

        init(source: ApplicationRequestContextSource) {
            coreContext = .init(source: source)
            client = source.channel.remoteAddress?.ipAddress ?? ""
        }
    }

    /// Carries requests from Hummingbird to the exchange and answers back.
    private struct Carrier: RouterMiddleware {
        typealias Context = CallerContext

        let exchange: Exchange
        let origins: [String]

        func handle(
            _ request: Request, context: Context,
            next: (Request, Context) async throws -> Response
        ) async throws -> Response {
            let start = ContinuousClock.now
            let id = exchange.media.newName()
            var request = request
            let origin = request.headers[.origin].flatMap { origins.contains($0) ? $0 : nil }
            if request.method == .options, let origin {
                return Response(status: .noContent, headers: headers([:], id, origin))
            }
            var fields: [String: String] = [:]
            for field in request.headers { fields[field.name.canonicalName] = field.value }
            let isHead = request.method == .head
            var call = Call(
                isHead ? "GET" : request.method.rawValue, request.uri.path, headers: fields,
                client: context.client)
            // Before a body is taken in from somebody who may send none.
            if let refusal = exchange.refusal(of: call) {
                exchange.finished(call, refusal.status, start, id)
                return response(refusal, id, origin)
            }
            let limit = max(exchange.limits.requestBytes, exchange.limits.mediaBytes)
            do {
                call.body = Data(try await request.collectBody(upTo: limit).readableBytesView)
            } catch is NIOTooManyBytesError {
                let refusal = exchange.reply(
                    to: ServerError.tooLarge(
                        what: "the request, in bytes,", found: limit + 1, limit: limit))
                exchange.finished(call, refusal.status, start, id)
                return response(refusal, id, origin)
            }
            let answer = await exchange.answer(to: call)
            var reply: Reply
            switch answer {
            case .reply(let made): reply = made
            case .work(let work):
                // A client that goes away takes the computation with it. Who listens for that takes
                // the connection's input to its end: it cannot be used again, and clients must know.
                reply = try await request.body.consumeWithCancellationOnInboundClose { _ in
                    await work()
                }
                reply.headers["connection"] = "close"
            case .events(let work):
                let (whole, asked) = (request, call)
                return Response(
                    status: .ok,
                    headers: headers(
                        [
                            "content-type": "text/event-stream", "cache-control": "no-store",
                            "connection": "close",
                        ], id, origin),
                    body: .init { writer in
                        // When the last event is sent, or nobody listens any more.
                        defer { exchange.finished(asked, 200, start, id) }
                        try await whole.body.consumeWithCancellationOnInboundClose { _ in
                            try await withSignsOfLife(every: .seconds(10), work) { data in
                                try await writer.write(ByteBuffer(bytes: data))
                            }
                        }
                        try await writer.finish(nil)
                    })
            }
            exchange.finished(call, reply.status, start, id)
            return response(reply, id, origin, isHead: isHead)
        }

        private func response(
            _ reply: Reply, _ id: String, _ origin: String?, isHead: Bool = false
        ) -> Response {
            Response(
                status: .init(code: reply.status), headers: headers(reply.headers, id, origin),
                body: isHead ? .init() : .init(byteBuffer: ByteBuffer(bytes: reply.body)))
        }

        private func headers(
            _ values: [String: String], _ id: String, _ origin: String?
        ) -> HTTPFields {
            var fields = HTTPFields()
            for (name, value) in values {
                if let name = HTTPField.Name(name) { fields[name] = value }
            }
            // A file that a client sent must not be taken for a page.
            fields[.xContentTypeOptions] = "nosniff"
            if let name = HTTPField.Name("x-request-id") { fields[name] = id }
            if let origin {
                fields[.accessControlAllowOrigin] = origin
                fields[.accessControlAllowHeaders] = "authorization, content-type"
                fields[.accessControlAllowMethods] = "GET, POST, DELETE"
                fields[.vary] = "Origin"
            }
            return fields
        }
    }

#endif

extension Exchange {
    /// Counts and logs an answer.
    package func finished(
        _ call: Call, _ status: Int, _ start: ContinuousClock.Instant, _ id: String
    ) {
        engine.counters.count(status: status)
        // Names of media are secrets: a path is logged without its last part.
        let path = call.path.hasPrefix("/v1/media/") ? "/v1/media/…" : call.path
        var values = [
            "id": id, "method": call.method, "path": path, "status": "\(status)",
            "milliseconds": "\(Int((ContinuousClock.now - start) / .milliseconds(1)))",
            "bytes": "\(call.body.count)",
        ]
        values["key"] = owner(of: call)
        log.note("request", values)
    }
}
