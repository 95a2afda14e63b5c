import ArgumentParser
import Foundation
import MelodyMini
import SouthGPT
import SouthServer
import ToolOptions

@main
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-demo",
        abstract: "A page to talk to the model, and an HTTP API that OpenAI's clients speak.",
        discussion: """
            Open the address that it prints. It listens on this machine alone unless --host says \
            otherwise; then give --api-key-file too. Ctrl-C ends it.

            EXAMPLES
              southgpt-demo --model ckpt
              southgpt-demo --host 0.0.0.0 --api-key-file key.txt --max-memory 16000
              curl -s localhost:24004/v1/chat/completions -d '{"messages":[{"role":"user","content":"Hi"}]}'

            The HTTP server is the trait Server: swift build -c release --traits Server
            """)

    @OptionGroup var model: ModelFlags
    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port; 0 lets the system choose.") var port = 24004
    @Option(
        name: [.long, .customLong("api_key_file")],
        help: ArgumentHelp(
            "A file with a key a line, after a name or alone; clients must send one of them.",
            valueName: "file"))
    var apiKeyFile: String?
    @Option(
        name: .customLong("allow-origin"),
        help: ArgumentHelp("An origin whose pages may call the API; repeatable.", valueName: "url"))
    var origins: [String] = []
    @Option(
        help: ArgumentHelp(
            "Receives uploads and what is made, for a day. A temporary folder where absent.",
            valueName: "dir"))
    var mediaFolder: String?
    @Option(help: "Replies that are written at a time.") var batch = 8
    @Option(help: "Requests that may wait behind those that run.") var queue = 8
    @Option(help: "Denoising steps at most.")
    var maxSteps = 200
    @Option(help: "Frames of a clip at most.")
    var maxFrames = 64
    @Flag(name: .shortAndLong, help: "No log of requests on stderr.") var quiet = false

    // Accepted for the published command line.
    @Option(help: .hidden) var stage: Int?
    @Option(help: .hidden) var mode: String?

    func validate() throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError("--port is \(port), expected 0 to 65535.")
        }
        guard batch > 0, queue >= 0, maxSteps > 0, maxFrames > 0 else {
            throw ValidationError(
                "--batch, --max-steps and --max-frames must be more than 0, --queue 0 or more.")
        }
    }

    func run() async throws {
        guard hasServer else {
            return try reportingErrors { throw ServerError.traitMissing }
        }
        let exchange: Exchange
        do {
            exchange = try prepared()
        } catch {
            return try reportingErrors { throw error }
        }
        let (host, name) = (host, exchange.engine.name)
        // Where nobody named a folder, the media are gone with the program.
        let ownFolder = mediaFolder == nil ? exchange.media.path : nil
        let opening = Task {
            do {
                try await exchange.engine.opened()
                Demo.say("\(name) is ready.")
            } catch let error as ServerError {
                Demo.remove(ownFolder)
                Demo.note("error: \(error)")
                Demo.exit(withError: ExitCode.failure)
            }
        }
        defer {
            opening.cancel()
            Demo.remove(ownFolder)
        }
        do {
            try await serve(
                exchange, at: ServerAddress(host: host, port: port, origins: origins)
            ) { port in
                Demo.say("Open http://\(host == "0.0.0.0" ? "localhost" : host):\(port)")
            }
        } catch {
            try reportingErrors { throw error }
        }
    }

    private static func remove(_ folder: String?) {
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// A line on stdout, there at once also where that is a pipe.
    private static func say(_ line: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data("\(line)\n".utf8))
    }

    /// A line on stderr. Where nobody reads it any more the server goes on without.
    private static func note(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data("\(line)\n".utf8))
    }

    private func prepared() throws -> Exchange {
        let path = try model.path ?? MelodyMini.folder()
        var limits = ServerLimits()
        (limits.seats, limits.waiting) = (batch, queue)
        (limits.steps, limits.frames) = (maxSteps, maxFrames)
        let keys = try apiKeyFile.map(APIKeys.init(contentsOf:))
        if keys == nil, !["127.0.0.1", "localhost", "::1"].contains(host) {
            Demo.note("note: everybody who reaches \(host) may use the model; see --api-key-file.")
        }
        let folder =
            mediaFolder
            ?? FileManager.default.temporaryDirectory.appending(
                component: "southgpt-media-\(ProcessInfo.processInfo.processIdentifier)"
            ).path
        let budget = model.budget
        return try Exchange(
            Engine(
                name: URL(filePath: path).lastPathComponent, waiting: queue, seats: batch,
                open: {
                    LanguageModel.isAlone(at: path)
                        ? .text(try LanguageModel(path, memory: budget))
                        : .multimodal(try MultimodalModel(path, memory: budget))
                }),
            limits: limits, media: try MediaFolder(path: folder, limits: limits),
            keys: keys,
            log: quiet ? .silent : ServerLog { Demo.note($0) })
    }
}
