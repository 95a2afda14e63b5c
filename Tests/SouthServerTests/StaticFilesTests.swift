import Foundation
import SouthServer
import Testing

/// The page's files.
@Suite struct StaticFilesTests {
    @Test func everythingThatThePageImportsIsServedUnderItsPolicy() async throws {
        try await ServerUnderTest.run { server in
            var (waiting, seen) = (["/"], Set<String>())
            while let path = waiting.popLast() {
                guard seen.insert(path).inserted else { continue }
                let reply = try await server.reply("GET", path)
                #expect(reply.status == 200, "\(path)")
                let policy = reply.headers["content-security-policy"] ?? ""
                #expect(policy.hasPrefix("default-src 'none'; script-src 'self';"), "\(path)")
                #expect(!policy.contains("unsafe"))
                let text = String(decoding: reply.body, as: UTF8.self)
                // Every script, style and picture that it names, and no line of script inside.
                #expect(!text.contains("<script>") && !text.contains("style=\""), "\(path)")
                for match in text.matches(of: /(?:src|href)="(\/[a-z.]+)"|from "\.(\/[a-z.]+)"/) {
                    waiting += [match.1, match.2].compactMap { $0.map(String.init) }
                }
            }
            #expect(seen.isSuperset(of: ["/page.css", "/icon.svg", "/chat.js", "/settings.js"]))
            #expect(seen.count == 12)
        }
    }

    @Test func nothingElseIsServed() async throws {
        try await ServerUnderTest.run { server in
            for path in ["/index.html/..", "/../page.css", "/page", "/etc/passwd", "//chat.js"] {
                let reply = try await server.reply("GET", path)
                #expect(reply.status == 404, "\(path)")
            }
            let posted = try await server.reply("POST", "/chat.js")
            #expect(posted.status == 404)
        }
    }
}
