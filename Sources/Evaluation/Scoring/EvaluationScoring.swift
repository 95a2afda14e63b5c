import DataPipeline
import Dialogue
import FoundationEssentials
import ModelZoo
import SouthGPT
import TensorCore

/// Takes the scores of an evaluation from what it kept.
struct EvaluationScoring {
    let run: EvaluationRun
    let judges: [Modality: Judge]
    let folder: String
    /// What came of the items that the run is about.
    let records: [EvaluationRecord]

    private var plan: EvaluationPlan { run.settings.plan }

    func report(_ progress: (EvaluationRun.Progress) throws -> Void) throws -> EvaluationReport {
        let asked = records.filter { $0.failure == nil }
        var scores: [EvaluationReport.Score] = []
        var remarks = notes(asked)
        for modality in Modality.allCases {
            scores += plan.scores(
                ofAnswers: asked.filter { $0.task == .describe && $0.given == modality },
                about: modality)
        }
        let space = try encoderSpace(&remarks)
        var encodings = Encodings(space: space)
        let world = try RealMedia(run, plan: plan, judges: judges) { done, total in
            try progress(.init(job: "reading", completed: done, total: total, secondsLeft: nil))
        } embed: {
            try encodings.embed($0)
        }
        if let bad = world.unreadable.first {
            remarks.append(
                "\(world.unreadable.count) media of the datasets could not be read, such as \(bad)")
        }
        scores += try made(asked, world, &encodings, progress)
        scores += choices(asked)
        if run.settings.tasks.contains(.retrieve), space != nil {
            scores += RetrievalScoring(world: world, plan: plan, pool: run.settings.pool).scores
        }
        let report = EvaluationReport(
            model: run.subject.path, name: run.subject.name,
            datasets: run.datasets.map(\.entry.name), scores: scores,
            judges: Modality.allCases.compactMap { modality in
                judges[modality].map { .init(modality: modality, record: $0.record) }
            }, remarks: remarks)
        try report.write(to: "\(folder)/report.json")
        try EvaluationPage(report, records: asked, world: world, folder: folder).write()
        return report
    }

    /// What must be known to read the scores.
    private func notes(_ asked: [EvaluationRecord]) -> [String] {
        let failed = records.filter { $0.failure != nil }
        var notes: [String] = []
        if let first = failed.first {
            notes.append(
                "\(failed.count) of \(records.count) could not be asked, such as \(first.id): "
                    + "\(first.failure ?? "")")
        }
        for modality in Modality.allCases {
            guard let judge = judges[modality] else { continue }
            for slot in judge.record.unreliable {
                notes.append(
                    "the judge of \(modality.rawValue) is right about \(slot.slot) in "
                        + "\(percent(slot.share)) of held-out real media, and 97 % are needed for "
                        + "its verdicts to count")
            }
        }
        let broken = asked.filter { $0.finishesSpan == false }.count
        if broken > 0 {
            notes.append(
                "\(broken) spans would not have been whole without the grammar that forces them")
        }
        return notes
    }

    private func encoderSpace(_ remarks: inout [String]) throws -> EmbeddingSpace? {
        switch run.subject {
        case .encoder(let folder): return try EmbeddingSpace(folder: folder)
        case .model(let model):
            do {
                return try model.embeddingSpace()
            } catch ModelError.malformed(_, let reason) {
                remarks.append("no retrieval and no likeness to captions: \(reason)")
                return nil
            }
        }
    }

    // MARK: What was made

    private func made(
        _ asked: [EvaluationRecord], _ world: RealMedia, _ encodings: inout Encodings,
        _ progress: (EvaluationRun.Progress) throws -> Void
    ) throws -> [EvaluationReport.Score] {
        var scores: [EvaluationReport.Score] = []
        let total = asked.count { $0.file != nil }
        var done = 0
        for modality in Modality.allCases {
            let real = MediaScores(
                plan: plan, modality: modality, task: "real \(modality.rawValue)",
                entries: world.entries(modality), judged: judged(modality))
            scores += real.shares + real.likeness(Encodings.name)
            var ways: [EvaluationTask: MediaScores] = [:]
            let wanted = asked.filter { $0.wanted == [modality] }
            let name = modality.rawValue
            let tasks: [(EvaluationTask, String, [EvaluationRecord])] =
                [
                    (.make, "text → \(name)", wanted.filter { $0.task == .make }),
                    (
                        .decode, "text → \(name), by its text encoder",
                        wanted.filter { $0.task == .decode }
                    ),
                ]
                + Modality.allCases.map { from in
                    (
                        .chain, "\(from.rawValue) → \(name)",
                        wanted.filter { $0.task == .chain && $0.given == from }
                    )
                }
            for (task, name, records) in tasks where !records.isEmpty {
                let entries = try records.map { record -> MediaScores.Entry in
                    if record.file != nil { done += 1 }
                    try progress(
                        .init(job: "judging", completed: done, total: total, secondsLeft: nil))
                    return try entry(record, modality, &encodings)
                }
                let media = MediaScores(
                    plan: plan, modality: modality, task: name, entries: entries,
                    judged: judged(modality))
                ways[task] = media
                scores += media.shares
                if task != .chain {
                    scores += media.likeness(Encodings.name) + media.rhythm(of: real)
                }
                scores += try media.distances(
                    to: real, judgeSpace: judges[modality]?.featureSpace,
                    encoderSpace: Encodings.name)
            }
            if let own = ways[.make], let decoded = ways[.decode] {
                scores += own.differences(
                    from: decoded, task: "text → \(modality.rawValue), signals less text encoder")
            }
        }
        return scores
    }

    private func judged(_ modality: Modality) -> [String] {
        judges[modality]?.config.slots.map(\.name) ?? []
    }

    private func entry(
        _ record: EvaluationRecord, _ modality: Modality, _ encodings: inout Encodings
    ) throws -> MediaScores.Entry {
        var shown = plan.slots[record.given ?? modality]?.read(record.caption) ?? [:]
        // Of another medium's caption, what this kind can show as well.
        let names = plan.slots[modality]?.names ?? []
        shown = shown.filter { names.contains($0.key) }
        let caption =
            record.task == .chain ? nil : try encodings.embed(.text(record.caption))
        var reading: MediumReading?
        if let file = record.file {
            reading = try plan.read(
                "\(folder)/\(file)", modality, judge: judges[modality],
                embed: { try encodings.embed($0) })
        }
        return MediaScores.Entry(
            key: "\(record.dataset)/\(record.number)", shown: shown, reading: reading,
            caption: caption)
    }

    // MARK: What was chosen

    private func choices(_ asked: [EvaluationRecord]) -> [EvaluationReport.Score] {
        let records = asked.filter { $0.task != .decode }
        guard !records.isEmpty else { return [] }
        var scores: [EvaluationReport.Score] = []
        func add(_ name: String, _ records: [EvaluationRecord]) {
            guard !records.isEmpty else { return }
            scores.append(
                .share(
                    "what to make", name, by: "kinds",
                    records.count { $0.made.sorted() == $0.wanted.sorted() }, of: records.count))
        }
        add("right kinds of media", records)
        add("nothing where a question is asked", records.filter { $0.wanted.isEmpty })
        add("the medium that is asked for", records.filter { !$0.wanted.isEmpty })
        let names = SignalNames(run.subject)
        scores.append(
            .share(
                "what to make", "malformed signal spans", by: "letters of signals in the text",
                records.count { names.occur(in: $0.answer) }, of: records.count))
        let spans = records.compactMap(\.finishesSpan)
        if !spans.isEmpty {
            scores.append(
                .share(
                    "what to make", "spans whole without the grammar", by: "likeliest tokens",
                    spans.count { $0 }, of: spans.count))
        }
        return scores
    }
}

/// What signal tokens are called: letters that a reply's text must not have.
private struct SignalNames {
    private let names: [String]

    init(_ subject: EvaluationRun.Subject) {
        guard case .model(let model) = subject else {
            names = []
            return
        }
        names = model.layout.signalTokens.allNames
    }

    func occur(in text: String) -> Bool { names.contains { text.contains($0) } }
}

extension [Modality] {
    fileprivate func sorted() -> [Modality] { sorted { $0.rawValue < $1.rawValue } }
}
