public import ArgumentParser
import Evaluation
public import ModelZoo
import SouthGPT
import ToolOptions

struct TrainJudge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train-judge",
        abstract: "Train a classifier that says what media show, from real media alone.",
        discussion: """
            It answers one question for each slot that the plan has of the modality, and learns from \
            the media whose captions fill all of them. What it gets right of held-out media is \
            kept with it; below 97 % its verdicts do not count, and for a slot that the plan does \
            not measure either the exit status is 1. Written to OUTPUT/MODALITY.
            """)

    @Argument(help: "What it looks at: image, video or audio.")
    var modality: Modality

    @OptionGroup var data: DatasetFlags

    @Option(
        help: ArgumentHelp(
            "A dataset to try it on, of which it has seen nothing; repeatable.", valueName: "name"))
    var heldOut: [String]

    @Option(name: .shortAndLong, help: "The folder of judges.")
    var output: String

    @Option(help: "Times that it sees every medium.") var epochs = 12
    @Option(help: "Seed of its weights and of the order of media.") var seed: UInt64 = 13
    @Option(help: "Pixels of a side, of pictures and clips.") var size = 64
    @Option(help: "Frames of a clip.") var frames = 8
    @Option(help: "Seconds of a sound.") var seconds = 2.0

    @OptionGroup var show: OutputOptions

    func validate() throws {
        for (name, value) in [("epochs", epochs), ("size", size), ("frames", frames)]
        where !(1...1024).contains(value) {
            throw ValidationError("--\(name): \(value), expected 1 to 1024.")
        }
        guard seconds > 0.1, seconds <= 600 else {
            throw ValidationError("--seconds: \(seconds), expected 0.1 to 600.")
        }
    }

    func run() throws {
        try reportingErrors(json: show.json) {
            let folder = try OutputFolder(output)
            let interruption = Interruption()
            let plan = try data.readPlan()
            let training = try JudgeTraining(
                plan.judge(of: modality, size: size, frames: frames, seconds: seconds),
                epochs: epochs, seed: seed)
            let progress = show.progress
            let judge = try training.run(
                on: data.open(data.dataset), heldOut: data.open(heldOut)
            ) { step in
                if interruption.stop.isRaised { throw CancellationError() }
                progress?.show(step)
            }
            progress?.clear()
            let place = "\(folder.path)/\(modality.rawValue)"
            try judge.write(to: place)
            if show.json {
                try show.printJSON(judge.record)
            } else {
                for line in judge.record.lines { print(line) }
                print(place)
            }
            let measured = plan.measured[modality] ?? [:]
            if judge.record.unreliable.contains(where: { measured[$0.slot] == nil }) {
                throw ExitCode.failure
            }
        }
    }
}

extension Modality: ExpressibleByArgument {}

extension ProgressLine {
    fileprivate func show(_ step: JudgeTraining.Progress) {
        switch step {
        case .reading(let done, let total): show("reading media", done, of: total)
        case .learning(let done, let total, let loss):
            let rounded = (loss * 1000).rounded() / 1000
            show("learning", done, of: total, detail: "loss \(rounded)")
        case .trying(let done, let total): show("trying", done, of: total)
        }
    }
}
