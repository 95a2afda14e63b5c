import ModelZoo

extension EvaluationPlan {
    /// How well answers say what media show.
    func scores(
        ofAnswers records: [EvaluationRecord], about modality: Modality
    ) -> [EvaluationReport.Score] {
        let task = "\(modality.rawValue) → text"
        guard !records.isEmpty else { return [] }
        var scores: [EvaluationReport.Score] = []
        if let slots = slots[modality], !slots.all.isEmpty {
            let pairs = records.map { (said: slots.read($0.answer), shown: slots.read($0.caption)) }
            for name in slots.names {
                let counted = pairs.filter { $0.shown[name] != nil }
                guard !counted.isEmpty else { continue }
                scores.append(
                    .share(
                        task, name, by: "words", counted.count { $0.said[name] == $0.shown[name] },
                        of: counted.count))
            }
            let whole = pairs.filter { !$0.shown.isEmpty }
            scores.append(
                .share(
                    task, "all slots", by: "words",
                    whole.count { pair in pair.shown.allSatisfy { pair.said[$0.key] == $0.value } },
                    of: whole.count))
        }
        let candidates = records.map(\.answer)
        let references = records.map { [answer(modality, $0.caption)] }
        let bleu = TextMetrics.bleu4(candidates: candidates, references: references)
        let range = Interval.bootstrap(of: records.count, resamples: 200) { places in
            TextMetrics.bleu4(
                candidates: places.map { candidates[$0] }, references: places.map { references[$0] }
            )
        }
        scores.append(
            EvaluationReport.Score(
                task: task, name: "whole text", by: "BLEU-4", value: bleu, interval: range,
                count: records.count, isShare: false))
        let rouge = zip(candidates, references).map {
            TextMetrics.rougeL(candidate: $0, references: $1)
        }
        scores.append(.mean(task, "whole text", by: "ROUGE-L", rouge))
        let cider = TextMetrics.ciderD(candidates: candidates, references: references)
        scores.append(.mean(task, "whole text", by: "CIDEr-D", cider))
        return scores
    }
}
