import ArgumentParser
import DataPipeline
import Evaluation

/// Which datasets, and what there is to ask of them.
struct DatasetFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A dataset of the catalog, in the unified format or another that training reads; "
                + "repeatable.", valueName: "name"))
    var dataset: [String] = []

    @Option(
        help: ArgumentHelp(
            "Datasets laid over the package's own catalog; repeatable.", valueName: "file"))
    var catalog: [String] = []

    @Option(
        help: ArgumentHelp(
            "Questions, slots and measurements; Configs/melodymini/evaluation.yaml shows all. "
                + "Without it captions are asked for and compared as whole texts.",
            valueName: "file"))
    var plan: String?

    @Option(help: ArgumentHelp("Where data/ and ckpt/ lie.", valueName: "dir"))
    var root = "."

    func validate() throws {
        guard !dataset.isEmpty else {
            throw ValidationError("Nothing to look at: name a dataset with --dataset.")
        }
    }

    /// Datasets by name.
    func open(_ names: [String]) throws -> [DialogueDataset] {
        let catalog = try Catalog(
            contentsOf: Catalog.files(layingOver: catalog, root: root), root: root)
        return try names.map { try DialogueDataset(catalog.entry($0)) }
    }

    func readPlan() throws -> EvaluationPlan {
        try plan.map { try EvaluationPlan(contentsOf: $0) } ?? EvaluationPlan()
    }
}
