public import ModelZoo

/// Why a model cannot be evaluated as it was asked. Each text is one line: what, where, what was
/// expected, and what to do.
public enum EvaluationError: Error, Equatable {
    /// A dataset has dialogues where media with captions are needed.
    case noCaption(dataset: String)
    /// The captions of too few media fill all slots.
    case tooFewMedia(Modality, found: Int, expected: Int, datasets: [String])
    /// The output folder holds another evaluation.
    case otherRun(folder: String, differs: String)
    /// The output folder's record of items cannot be read.
    case damaged(file: String, line: Int)
    /// What was asked for needs something that is not there.
    case unavailable(what: String, needs: String)
}

extension EvaluationError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noCaption(let dataset):
            "'\(dataset)' has dialogues, expected media with captions. Name a dataset of pairs."
        case .tooFewMedia(let modality, let found, let expected, let datasets):
            "\(datasets.joined(separator: ", ")): the captions of \(found) media "
                + "(\(modality.rawValue)) fill every slot, expected \(expected) or more. Do the "
                + "plan's slots have the words of these captions?"
        case .otherRun(let folder, let differs):
            "\(folder): holds an evaluation with another \(differs), and nothing of it was touched. "
                + "Name a new folder, or begin this one anew with --replace."
        case .damaged(let file, let line):
            "\(file): line \(line) is no record of an evaluation. Name a new folder, or begin this "
                + "one anew with --replace."
        case .unavailable(let what, let needs):
            "\(what) needs \(needs)."
        }
    }
}
