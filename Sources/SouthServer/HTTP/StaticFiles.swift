import FoundationEssentials
import TensorCore

/// The page and what it is made of, read once: nothing else of this machine is ever served.
struct StaticFiles: Sendable {
    private let files: [String: Reply]

    /// Where the page may load from and connect to: its own server and nowhere else.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        + "media-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'"

    /// - Throws: `ResourceError`, `ServerError.unreadable`
    init() throws {
        let folder = try ResourceLookup(
            name: "SouthServer", marker: "page/index.html", variable: "SOUTHGPT_PAGE",
            mend: "Keep south-gpt_SouthServer.resources beside the program."
        ).folder()
        func names(in folder: String) throws -> [String] {
            do {
                return try FileManager.default.contentsOfDirectory(atPath: folder)
            } catch {
                throw ServerError.unreadable(file: folder)
            }
        }
        var files: [String: Reply] = [:]
        for name in try names(in: "\(folder)/page") {
            guard let type = name.split(separator: ".").last.flatMap({ contentTypes[String($0)] })
            else { continue }
            guard let bytes = FileManager.default.contents(atPath: "\(folder)/page/\(name)") else {
                throw ServerError.unreadable(file: "\(folder)/page/\(name)")
            }
            var reply = Reply(bytes, type: type)
            reply.headers["content-security-policy"] = StaticFiles.policy
            reply.headers["referrer-policy"] = "no-referrer"
            reply.headers["cache-control"] = "no-cache"
            files[name == "index.html" ? "/" : "/\(name)"] = reply
        }
        self.files = files
    }

    func reply(to call: Call) -> Reply? { call.method == "GET" ? files[call.path] : nil }
}
