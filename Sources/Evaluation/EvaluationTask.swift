import DataPipeline
public import ModelZoo

/// What a model is asked to do.
public enum EvaluationTask: String, Codable, CaseIterable, Sendable {
    /// To say what a medium shows.
    case describe
    /// To make what a caption says, by its signal tokens.
    case make
    /// The same by the decoder's own text encoder, without the language model.
    case decode
    /// To make a medium of another one.
    case chain
    /// To answer the first question of a dialogue with the right kinds of media.
    case choose
    /// To find what belongs together, by the encoder alone.
    case retrieve

    /// Whether the language model is asked, item by item.
    var asks: Bool { self != .retrieve }
}

/// One thing to ask.
struct EvaluationItem: Sendable {
    let task: EvaluationTask
    let dataset: DialogueDataset
    let number: Int
    /// Which chain of the plan.
    let chain: EvaluationPlan.Chain?

    /// What tells it from others of the same evaluation.
    var id: String {
        let way = chain.map { "-\($0.from.rawValue)-\($0.to.rawValue)" } ?? ""
        return "\(task.rawValue)\(way)/\(dataset.entry.name)/\(number)"
    }
}

/// What came of it.
public struct EvaluationRecord: Codable, Sendable {
    /// The item's name within its evaluation.
    public let id: String
    public let task: EvaluationTask
    public let dataset: String
    public let number: Int
    /// What was asked, what the model said, and what it should have said or shown.
    public let question: String
    public internal(set) var answer = ""
    public let caption: String
    /// The medium that was shown with the question; nil where none was.
    public let given: Modality?
    /// The kinds of media that should have come, and that came.
    public let wanted: [Modality]
    public internal(set) var made: [Modality] = []
    /// The medium that was wanted, within the evaluation's folder; nil where it did not come.
    public internal(set) var file: String?
    /// Whether the language model alone would have finished its span.
    public internal(set) var finishesSpan: Bool?
    public internal(set) var seconds = 0.0
    /// Why nothing could be asked.
    public internal(set) var failure: String?
}

extension EvaluationPlan {
    /// Everything to ask about some datasets.
    ///
    /// - Parameter limit: records of each dataset at most, spread over it
    /// - Throws: `EvaluationError.noCaption` for a dataset that none of the tasks can use
    func items(
        _ datasets: [DialogueDataset], _ tasks: Set<EvaluationTask>, limit: Int?,
        makes: [Modality]
    ) -> [EvaluationItem] {
        datasets.flatMap { dataset -> [EvaluationItem] in
            let numbers = dataset.spread(limit)
            func items(
                _ task: EvaluationTask, _ chain: Chain? = nil
            ) -> [EvaluationItem] {
                guard tasks.contains(task) else { return [] }
                return numbers.map {
                    EvaluationItem(task: task, dataset: dataset, number: $0, chain: chain)
                }
            }
            guard let medium = dataset.entry.type.medium else { return items(.choose) }
            let isShown = dataset.entry.type.input != nil
            let isMade = makes.contains(medium)
            return (isShown ? items(.describe) : [])
                + (isMade ? items(.make) + items(.decode) : [])
                + chains.filter { isShown && $0.from == medium && makes.contains($0.to) }
                .flatMap { items(.chain, $0) }
        }
    }
}

extension DialogueDataset {
    /// The numbers of `limit` records at most, evenly spread.
    func spread(_ limit: Int?) -> [Int] {
        let kept = min(count, max(0, limit ?? count))
        return (0..<kept).map { $0 * count / kept }
    }
}
