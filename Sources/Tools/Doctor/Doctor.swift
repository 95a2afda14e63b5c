import ArgumentParser
import FoundationEssentials
import MelodyMini
import SouthGPT
import TensorCore

@main
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-doctor",
        abstract: "Look at the machine, the libraries and the folders, and say what is missing.",
        discussion: "Exits with 1 where something that is needed is missing.")

    @Option(
        help: ArgumentHelp(
            "The model to look at: a folder, the README's ckpt/, or a name as on the hub.",
            valueName: "dir"))
    var model: String?

    @Option(help: ArgumentHelp("Where ckpt/ and data/ lie.", valueName: "dir"))
    var root = "."

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let bundled: Result<String, ResourceError>
        do throws(any Error) {
            bundled = .success(try MelodyMini.folder())
        } catch let error as ResourceError {
            bundled = .failure(error)
        }
        // A name that is not found stays as it is: the checkup then says what is wrong with it.
        let lookup = ModelLookup(root: root)
        let folder = model.map { (try? lookup.model(named: $0)) ?? $0 }
        let checkup = Checkup(modelFolder: folder, bundled: bundled, root: root)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(checkup), as: UTF8.self))
        } else {
            show(checkup)
        }
        if !checkup.isHealthy { throw ExitCode.failure }
    }

    private func show(_ checkup: Checkup) {
        let machine = checkup.machine
        print("processor         \(machine.processor), \(machine.cores) cores")
        print("instruction sets  \(machine.instructionSets.joined(separator: " "))")
        print(
            "memory            \(machine.memoryBytes >> 20) MiB, "
                + "\(machine.availableBytes >> 20) MiB available")
        for item in checkup.items {
            let state = item.state == .ok ? "" : "[\(item.state.rawValue)] "
            let name = item.subject.padding(to: 18)
            print("\(name)\(state)\(item.detail)")
            if let mend = item.mend { print("\("".padding(to: 18))→ \(mend)") }
        }
        print("published weights")
        for part in checkup.parts {
            print("  [\(part.state.rawValue)] \(part.name)\n      \(part.line)")
        }
    }
}

extension String {
    /// Spaces at the end up to `width` characters.
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
