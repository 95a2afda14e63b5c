import ArgumentParser
import Foundation
import Training

/// Flags of the launcher that the published command line begins with. Processes are started by
/// `mpirun` here: they are accepted and explained.
struct LauncherFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Devices of the published launcher, one process each: localhost:0,1 is mpirun -n 2.",
            valueName: "host:ids"))
    var include: String?

    @Option(
        name: [.customLong("master_addr"), .customLong("master-addr")],
        help: ArgumentHelp("Accepted; mpirun connects its processes itself.", valueName: "host"))
    var masterAddress: String?

    @Option(
        name: [.customLong("master_port"), .customLong("master-port")],
        help: ArgumentHelp("Accepted, as --master_addr.", valueName: "port"))
    var masterPort: Int?

    @Option(
        name: [.customLong("local_rank"), .customLong("local-rank")], help: .hidden)
    var localRank: Int?

    func validate() throws { _ = try hosts() }

    /// The hosts and how many processes each has.
    private func hosts() throws -> [(name: String, processes: Int)] {
        try (include?.split(separator: "@") ?? []).map { part in
            let pieces = part.split(separator: ":", maxSplits: 1)
            let devices = pieces.count < 2 ? ["0"] : pieces[1].split(separator: ",")
            guard let name = pieces.first, !devices.isEmpty,
                devices.allSatisfy({ Int($0) != nil })
            else {
                throw ValidationError(
                    "--include is '\(include ?? "")', expected host:ids, as in localhost:0,1.")
            }
            return (String(name), devices.count)
        }
    }

    /// Checks that as many processes run as were asked for.
    ///
    /// - Throws: `NotLaunched`, with the command that starts them
    func check(ranks: Int) throws {
        let hosts = try hosts()
        let wanted = hosts.reduce(0) { $0 + $1.processes }
        guard wanted > 1, wanted != ranks else { return }
        var command = ["mpirun", "-n", "\(wanted)"]
        if hosts.contains(where: { $0.name != "localhost" }) {
            command += [
                "--host", hosts.map { "\($0.name):\($0.processes)" }.joined(separator: ","),
            ]
        }
        throw NotLaunched(
            wanted: wanted, ranks: ranks,
            command: (command + CommandLine.arguments.map(LauncherFlags.quoted)).joined(
                separator: " "))
    }

    /// Several processes were asked for and there are others.
    struct NotLaunched: Error, CustomStringConvertible {
        let wanted: Int
        let ranks: Int
        let command: String
        var description: String {
            "--include asks for \(wanted) processes, and there \(ranks == 1 ? "is" : "are") "
                + "\(ranks). Start them with: \(command)"
                + (Communicator.hasMPI ? "" : " (of a build with --traits MPI)")
        }
    }

    /// What was given and has no meaning here.
    var unused: [String] {
        [
            ("--master_addr", masterAddress != nil), ("--master_port", masterPort != nil),
            ("--local_rank", localRank != nil),
        ].filter(\.1).map(\.0)
    }

    /// Arguments without the backslash and the spaces that a broken line leaves at their end.
    static func cleaned(_ arguments: [String]) -> [String] {
        arguments.compactMap { argument in
            var text = Substring(argument)
            while let last = text.last, last == "\\" || last.isWhitespace { text.removeLast() }
            return text.isEmpty && !argument.isEmpty ? nil : String(text)
        }
    }

    private static func quoted(_ argument: String) -> String {
        let plain = argument.allSatisfy { $0.isLetter || $0.isNumber || "-_./:,=@".contains($0) }
        return plain && !argument.isEmpty
            ? argument : "'\(argument.replacing("'", with: "'\\''"))'"
    }
}
