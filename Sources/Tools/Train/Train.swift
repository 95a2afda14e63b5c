import ArgumentParser
import DataPipeline
import Foundation
import SouthGPT
import TensorCore
import ToolOptions
import Training

@main
struct Train: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "southgpt-train",
        abstract: "Train one of the three stages, or a component on its own.",
        discussion: """
            Settings are Configs/base.yaml, stage_N.yaml and dsconfig/stage_N.json, then --config, \
            then --set; each wins over those before. The run is kept in SAVE_PATH/run: stop it with \
            Ctrl-C, or lose it to a power cut, and --resume goes on to the same bits.

            EXAMPLES
              southgpt-train --model southgpt --stage 1 --save_path out --log_path out/log
              southgpt-train --stage 1 --save_path out --dry-run
              mpirun -n 2 southgpt-train --stage 3 --save_path out --resume
            """)

    @OptionGroup var subject: SubjectFlags
    @OptionGroup var place: PlaceFlags
    @OptionGroup var launcher: LauncherFlags
    @OptionGroup var output: OutputOptions

    @Flag(help: "Go on with the run in SAVE_PATH/run, or begin where there is none.")
    var resume = false

    @Flag(
        name: [.long, .customLong("dry_run")],
        help: "Check every file, print the plan and one sample of each dataset; write nothing.")
    var dryRun = false

    /// Lets arguments end in a backslash, as the published command line has them.
    static func main() async {
        await main(LauncherFlags.cleaned(Array(CommandLine.arguments.dropFirst())))
    }

    func run() async throws {
        let communicator: Communicator
        do {
            communicator = try Communicator()
            try launcher.check(ranks: communicator.size)
        } catch {
            return try reportingErrors(json: output.json) { throw error }
        }
        do {
            try await train(communicator)
        } catch let error as ExitCode {
            try communicator.finish()
            throw error
        } catch {
            // The other ranks may be waiting for this one.
            if communicator.size > 1 { communicator.abort(after: error) }
            try reportingErrors(json: output.json) { throw error }
        }
        try communicator.finish()
    }

    private func train(_ communicator: Communicator) async throws {
        let interruption = Interruption()
        var request = try place.request(subject.subject())
        request.resumes = resume
        request.unusedFlags = launcher.unused + subject.unused + place.unused
        let run = try TrainingRun(request, communicator: communicator)
        if dryRun {
            let dry = try run.dryRun()
            if communicator.rank == 0 { try show(dry) }
            return
        }
        let isShown = communicator.rank == 0 && !output.quiet
        let watcher = ProgressWatcher(
            isShown ? ProgressLine() : nil, every: run.plan.engine.stepsPerPrint ?? 1)
        watcher.say("\(run.summary)")
        let observers: [any RunObserver] =
            [watcher] + (try place.log(of: run, communicator, watcher))
        let reason = try await run.run(stop: interruption.stop, observers: observers)
        guard communicator.rank == 0 else { return }
        let result = TrainingResult(reason, run: run, watcher.lastStep)
        output.json ? try output.printJSON(result) : print(result)
        if reason == .interrupted { throw ExitCode(130) }
    }

    private func show(_ dry: DryRun) throws {
        output.json ? try output.printJSON(dry) : print(dry)
    }
}
