import ModelZoo
import TensorCore

/// How well media show what they should.
struct MediaScores {
    /// A medium with what it should show.
    struct Entry {
        /// The item that it is of: the same in other ways to make it.
        let key: String
        let shown: [String: String]
        /// nil where it was not made.
        let reading: MediumReading?
        /// The embedding of its caption.
        let caption: [Float]?
    }

    let plan: EvaluationPlan
    let modality: Modality
    let task: String
    let entries: [Entry]
    /// The slots that a judge was asked about: none where there is no judge.
    let judged: [String]

    /// Whether each entry that counts is right in a slot, by its key.
    func verdicts(_ slot: String, measured: Bool) -> [(key: String, isRight: Bool)] {
        entries.compactMap { entry in
            guard let value = entry.shown[slot],
                !measured || plan.isMeasurable(slot, modality, entry.shown)
            else { return nil }
            let found =
                measured
                ? entry.reading?.measured[slot] ?? nil : entry.reading?.judged[slot]
            return (entry.key, found == value)
        }
    }

    /// The slots that the entries show, and by what each can be told.
    var ways: [(slot: String, by: String, measured: Bool)] {
        let names = plan.slots[modality]?.names.filter { name in
            entries.contains { $0.shown[name] != nil }
        }
        return (names ?? []).flatMap { name -> [(slot: String, by: String, measured: Bool)] in
            (judged.contains(name) ? [(name, "judge", false)] : [])
                + (plan.measured[modality]?[name].map { [(name, $0.by.rawValue, true)] } ?? [])
        }
    }

    /// A share for each slot, and one for all that are judged.
    var shares: [EvaluationReport.Score] {
        var scores = ways.compactMap { way -> EvaluationReport.Score? in
            let verdicts = verdicts(way.slot, measured: way.measured)
            guard !verdicts.isEmpty else { return nil }
            return .share(
                task, way.slot, by: way.by, verdicts.count { $0.isRight }, of: verdicts.count)
        }
        let judged = ways.filter { !$0.measured }.map(\.slot)
        if judged.count > 1 {
            scores.append(
                .share(
                    task, "all slots", by: "judge",
                    entries.count { entry in
                        judged.allSatisfy { slot in
                            entry.shown[slot].map { entry.reading?.judged[slot] == $0 } ?? true
                        }
                    }, of: entries.count))
        }
        return scores
    }

    /// The cosine with the caption, of those that were made.
    func likeness(_ space: String) -> [EvaluationReport.Score] {
        let values = entries.compactMap { entry -> Double? in
            guard let caption = entry.caption, let own = entry.reading?.embedding else {
                return nil
            }
            return zip(caption, own).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        guard !values.isEmpty else { return [] }
        return [.mean(task, "likeness to the caption", by: space, values)]
    }

    /// How far these media are from others, in the spaces that both are in.
    ///
    /// - Throws: `LinearAlgebraError`
    func distances(
        to others: MediaScores, judgeSpace: String?, encoderSpace: String
    ) throws -> [EvaluationReport.Score] {
        func clouds(
            _ space: String, _ pick: (MediumReading) -> [Float]?
        ) throws -> EvaluationReport.Score? {
            let (own, real) = (
                entries.compactMap { $0.reading.flatMap(pick) },
                others.entries.compactMap { $0.reading.flatMap(pick) }
            )
            guard own.count > 1, real.count > 1 else { return nil }
            func matrix(_ rows: [[Float]]) -> Tensor {
                Tensor(rows.flatMap { $0 }, [rows.count, rows[0].count])
            }
            return EvaluationReport.Score(
                task: task, name: "Fréchet distance to real ones", by: space,
                value: try frechetDistance(matrix(own), matrix(real)), interval: nil,
                count: min(own.count, real.count), isShare: false)
        }
        return [
            try judgeSpace.flatMap { try clouds($0) { $0.features?.floats() } },
            try clouds(encoderSpace) { $0.embedding },
        ].compactMap { $0 }
    }

    /// How well notes begin when they do in the sounds that the same captions are of.
    func rhythm(of others: MediaScores) -> [EvaluationReport.Score] {
        let real = Dictionary(
            others.entries.map { ($0.key, $0.reading?.onsets) },
            uniquingKeysWith: { first, _ in first })
        let values = entries.compactMap { entry -> Double? in
            guard let onsets = real[entry.key] ?? nil else { return nil }
            return onsetAgreement(entry.reading?.onsets ?? [], with: onsets)
        }
        guard !values.isEmpty else { return [] }
        return [.mean(task, "onsets of notes", by: "F-measure within 50 ms", values)]
    }

    /// How much worse these are than others of the same captions, slot by slot: a difference of
    /// shares with the bootstrap's interval over captions that both have.
    func differences(from others: MediaScores, task: String) -> [EvaluationReport.Score] {
        ways.compactMap { way in
            let own = Dictionary(
                verdicts(way.slot, measured: way.measured).map { ($0.key, $0.isRight) },
                uniquingKeysWith: { first, _ in first })
            let pairs = others.verdicts(way.slot, measured: way.measured).compactMap { other in
                own[other.key].map { (mine: $0, theirs: other.isRight) }
            }
            guard !pairs.isEmpty else { return nil }
            let steps = pairs.map { ($0.mine ? 1.0 : 0) - ($0.theirs ? 1.0 : 0) }
            return EvaluationReport.Score(
                task: task, name: way.slot, by: way.by,
                value: steps.reduce(0, +) / Double(steps.count), interval: .mean(of: steps),
                count: steps.count, isShare: true)
        }
    }
}
