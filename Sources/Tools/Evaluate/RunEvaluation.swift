import ArgumentParser
import Evaluation
import Foundation
import MelodyMini
import SouthGPT
import ToolOptions

struct RunEvaluation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Ask a model about a dataset and score what it says and makes.",
        discussion: """
            Tasks, all unless --tasks names some:
              describe   what a medium shows: slots by word, BLEU-4, ROUGE-L, CIDEr-D
              make       what a caption says, by signal tokens: slots by judges and measurements, \
            Fréchet distances to the real media, the encoder's likeness to the caption
              decode     the same by each decoder's own text encoder, without the language model; \
            'make' is then compared with it
              chain      a medium of another one, as the plan has them
              choose     the first question of each dialogue, for datasets of dialogues: only the \
            kinds of media that are made count
              retrieve   captions and media, and media of two kinds, by the encoder alone

            Shares have Wilson's intervals, means the bootstrap's, of 95 %. Judges come from \
            southgpt-evaluate train-judge; what they and the measurements make of the datasets' own \
            media is reported too, for it shows how far they can be trusted.

            OUTPUT receives items.jsonl, media/, report.json and index.html, a page to look at and \
            listen to. Stop it with Ctrl-C: the same command goes on. --model may also be an \
            encoder's folder alone, which can only retrieve.
            """)

    @OptionGroup var model: ModelFlags
    @OptionGroup var data: DatasetFlags

    @Option(
        help: ArgumentHelp("Of describe, make, decode, chain, choose, retrieve.", valueName: "list")
    )
    var tasks: String?

    @Option(help: ArgumentHelp("Records of each dataset at most, spread over it.", valueName: "n"))
    var limit: Int?

    @Option(help: ArgumentHelp("The folder of judges.", valueName: "dir"))
    var judges: String?

    @Option(help: "Captions or media among which one is to be found.")
    var pool = 20

    @Option(name: .shortAndLong, help: "The folder of this evaluation.")
    var output: String

    @Flag(help: "Begin anew where the folder has an evaluation.")
    var replace = false

    @OptionGroup var generation: GenerationFlags
    @OptionGroup var show: OutputOptions

    func validate() throws {
        _ = try chosen
        guard generation.modalities == nil else {
            throw ValidationError("--modalities: what the model chooses to make is scored.")
        }
        guard (2...100_000).contains(pool) else {
            throw ValidationError("--pool: \(pool), expected 2 to 100000.")
        }
        guard limit.map({ $0 > 0 }) ?? true else {
            throw ValidationError("--limit: \(limit ?? 0), expected 1 or more.")
        }
    }

    private var chosen: Set<EvaluationTask>? {
        get throws {
            guard let tasks else { return nil }
            return Set(
                try tasks.split(separator: ",").map { word in
                    let name = String(word.filter { $0 != " " })
                    guard let task = EvaluationTask(rawValue: name) else {
                        let known = EvaluationTask.allCases.map(\.rawValue)
                        throw ValidationError(
                            "--tasks: '\(name)' is not known; known are "
                                + "\(known.joined(separator: ", ")).")
                    }
                    return task
                })
        }
    }

    func run() throws {
        try reportingErrors(json: show.json) {
            let folder = try OutputFolder(output)
            let interruption = Interruption()
            var settings = EvaluationSettings()
            settings.plan = try data.readPlan()
            settings.options = generation.options
            settings.limit = limit
            settings.pool = pool
            let datasets = try data.open(data.dataset)
            let subject: EvaluationRun.Subject
            if let encoder = model.model, EvaluationRun.isEncoderAlone(encoder) {
                subject = .encoder(encoder)
                settings.tasks = try chosen ?? [.retrieve]
            } else {
                subject = .model(try model.open())
                settings.tasks = try chosen ?? settings.tasks
            }
            let run = try EvaluationRun(
                subject, on: datasets, settings, in: folder.path, judges: judges,
                replacing: replace)
            let progress = show.progress
            let report = try run.run { step in
                if interruption.stop.isRaised { throw CancellationError() }
                progress?.show(
                    step.job, step.completed, of: step.total, secondsLeft: step.secondsLeft)
            }
            progress?.clear()
            if show.json {
                try show.printJSON(report)
            } else {
                for line in report.lines { print(line) }
                print("\(folder.path)/index.html")
            }
        }
    }
}
