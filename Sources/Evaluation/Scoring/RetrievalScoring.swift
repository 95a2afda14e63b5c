import ModelZoo

/// How well the encoder finds what belongs together: captions and media either way, and media of two
/// kinds by what both can show.
struct RetrievalScoring {
    let world: RealMedia
    let plan: EvaluationPlan
    /// Among how many one is to be found.
    let pool: Int

    var scores: [EvaluationReport.Score] {
        var scores: [EvaluationReport.Score] = []
        for modality in Modality.allCases {
            let media = world.media(modality)
            guard media.count > 1 else { continue }
            let found = media.compactMap { medium -> (String, [Float], [Float])? in
                guard let vector = medium.embedding, let text = medium.text else { return nil }
                return (medium.caption, vector, text)
            }
            scores +=
                RetrievalReport(
                    "\(modality.rawValue) → text",
                    found.map { .init(query: $0.1, own: $0.2, key: $0.0) },
                    bank: Dictionary(grouping: found, by: \.0).mapValues { [$0[0].2] }, pool
                ).scores
            scores +=
                RetrievalReport(
                    "text → \(modality.rawValue)",
                    found.map { .init(query: $0.2, own: $0.1, key: $0.0) },
                    bank: Dictionary(grouping: found, by: \.0).mapValues { $0.map(\.1) }, pool
                ).scores
        }
        for first in Modality.allCases {
            for second in Modality.allCases where first != second {
                scores += acrossMedia(first, second)
            }
        }
        return scores
    }

    /// Media of one kind among those of another: what both kinds can show is the key.
    private func acrossMedia(
        _ first: Modality, _ second: Modality
    ) -> [EvaluationReport.Score] {
        let shared = Set(plan.slots[first]?.names ?? []).intersection(
            plan.slots[second]?.names ?? [])
        guard !shared.isEmpty else { return [] }
        func keyed(_ modality: Modality) -> [(key: String, vector: [Float])] {
            world.media(modality).compactMap { medium in
                let shown = plan.slots[modality]?.read(medium.caption) ?? [:]
                let values = shared.sorted().compactMap { shown[$0] }
                guard let vector = medium.embedding, values.count == shared.count else {
                    return nil
                }
                return (values.joined(separator: ", "), vector)
            }
        }
        let bank = Dictionary(grouping: keyed(second), by: \.key).mapValues { $0.map(\.vector) }
        guard bank.count > 1 else { return [] }
        let trials = keyed(first).enumerated().compactMap { index, query in
            bank[query.key].map { items in
                RetrievalScores.Trial(
                    query: query.vector, own: items[index % items.count], key: query.key)
            }
        }
        return RetrievalReport(
            "\(first.rawValue) → \(second.rawValue)", trials, bank: bank, pool,
            note: "by \(shared.sorted().joined(separator: ", "))"
        ).scores
    }
}

/// Recall of a way to search.
private struct RetrievalReport {
    let scores: [EvaluationReport.Score]

    init(
        _ way: String, _ trials: [RetrievalScores.Trial], bank: [String: [[Float]]], _ pool: Int,
        note: String = ""
    ) {
        guard !trials.isEmpty, bank.count > 1 else {
            scores = []
            return
        }
        let size = min(pool, bank.count)
        let found = RetrievalScores(trials, among: bank, pool: pool)
        scores = [1, 5].filter { $0 < size }.map { k in
            .share(
                "retrieval, \(way)" + (note.isEmpty ? "" : ", \(note)"),
                "R@\(k) of \(size)", by: Encodings.name, found.found(at: k), of: trials.count)
        }
    }
}
