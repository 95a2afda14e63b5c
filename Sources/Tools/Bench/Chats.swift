import ArgumentParser
import Foundation
import SouthBenchmarks
import TensorCore

struct Chats: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Time chats that are written at once against one after another.",
        discussion: """
            The network has TinyLlama 1.1B's shapes and random weights in bfloat16. Prompts are \
            read before, and are not timed; tokens are the likeliest ones.
            """)

    @Option(help: ArgumentHelp("Chats at once.", valueName: "count"))
    var chats = 8

    @Option(help: ArgumentHelp("Tokens that each has read before.", valueName: "count"))
    var prompt = 480

    @Option(help: ArgumentHelp("Tokens that each writes.", valueName: "count"))
    var reply = 32

    @Option(help: ArgumentHelp("Layers; TinyLlama has 22.", valueName: "count"))
    var layers = 22

    @Option(help: ArgumentHelp("Times to measure both ways, in turn.", valueName: "count"))
    var pairs = 3

    @Flag(help: "One JSON object on stdout.")
    var json = false

    func validate() throws {
        guard chats > 0, prompt > 0, reply > 0, prompt + reply <= 2048 else {
            throw ValidationError(
                "--chats must be more than 0, --prompt and --reply 2 to 2048 together.")
        }
        guard (1...1024).contains(layers), pairs > 0 else {
            throw ValidationError("--layers must be 1 to 1024, --pairs more than 0.")
        }
    }

    func run() throws {
        let model = try ChatsCase(
            ChatsCase.tinyLlama(layers: layers), chats: chats, prompt: prompt, reply: reply)
        let results = (0..<pairs).map { _ in model.measure() }
        let median = results.sorted { $0.gain < $1.gain }[results.count / 2]
        if json {
            print(String(decoding: try JSONEncoder().encode(results), as: UTF8.self))
            return
        }
        print(
            String(
                format: "%d chats after %d tokens: %.1f tokens/s, one after another %.1f "
                    + "(%.2f×), %.0f %% of the tokens the same",
                chats, prompt, median.together, median.alone, median.gain,
                100 * median.sameTokens))
    }
}
