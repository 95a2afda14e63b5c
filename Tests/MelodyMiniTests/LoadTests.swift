import Foundation
import MelodyMini
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import Testing

@Suite struct LoadTests {
    @Test func opensTheFolderThatTheVariableNamesAndAnswers() throws {
        // No other test of this process asks for the variable.
        setenv("SOUTHGPT_MELODYMINI", TinyFolder.path, 1)
        defer { unsetenv("SOUTHGPT_MELODYMINI") }
        let model = try MelodyMini.load()
        #expect(model.folder.path == TinyFolder.path)
        var request = Request("Hello!", output: OutputChoice(media: [.image]))
        request.options.maxNewTokens = 4
        request.options.imageSteps = 1
        let reply = try Session(model).respond(to: request)
        #expect(reply.media.map(\.modality) == [.image])
    }
}
