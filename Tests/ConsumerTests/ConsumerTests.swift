import Foundation
import TestSupport
import Testing

/// What packages that depend on this one have to build. Each case builds a throw-away package from
/// nothing, so they run only where `SOUTHGPT_CONSUMER_TESTS` is set; `Scripts/test` runs the same
/// script outside of `swift test`.
@Suite(
    .enabled(if: ProcessInfo.processInfo.environment["SOUTHGPT_CONSUMER_TESTS"] != nil),
    .serialized)
struct ConsumerTests {
    @Test(arguments: ["core", "system"])
    func buildsOnlyWhatItsProductNeeds(_ consumer: String) throws {
        let repository = URL(filePath: Fixture.path("")).appending(components: "..", "..")
        let script = Process()
        script.executableURL = URL(filePath: "/bin/bash")
        script.arguments = [
            repository.appending(components: "Scripts", "consumers").standardized.path, consumer,
        ]
        let output = Pipe()
        script.standardOutput = output
        script.standardError = output
        try script.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        script.waitUntilExit()
        #expect(script.terminationStatus == 0, "\(String(decoding: said, as: UTF8.self))")
    }
}
