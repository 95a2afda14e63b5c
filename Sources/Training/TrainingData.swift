public import DataPipeline

/// The datasets of a run, each in two parts: what is trained on, and what only evaluations see.
public struct TrainingData: Sendable {
    /// Trained on, in list order.
    public let training: [DialogueDataset]
    /// Held out, in list order; empty where nothing is evaluated.
    public let heldOut: [DialogueDataset]

    /// Opens datasets and splits them as the settings say.
    ///
    /// - Parameter prompt: what a captioning sample asks about its medium
    /// - Throws: `DatasetError` for a file that is not there or damaged
    public init(_ entries: [DatasetEntry], _ config: RunConfig, prompt: String? = nil) throws {
        let datasets = try entries.map { entry in
            try prompt.map { try DialogueDataset(entry, prompt: $0) } ?? DialogueDataset(entry)
        }
        guard config.evaluateEvery > 0 else {
            (training, heldOut) = (datasets, [])
            return
        }
        let parts = datasets.map { dataset in
            let share = Int((Double(dataset.count) * config.heldOut).rounded(.up))
            return dataset.split(
                holdingOut: min(max(share, 1), config.maxHeldOut, dataset.count),
                seed: config.seed)
        }
        (training, heldOut) = (parts.map(\.rest), parts.map(\.heldOut))
    }

    /// Samples that are trained on in each dataset.
    public var sizes: [Int] { training.map(\.count) }

    /// What a run's summary says of them.
    var summary: [RunSummary.Data] {
        training.enumerated().map { index, dataset in
            RunSummary.Data(
                name: dataset.entry.name, type: dataset.entry.type.rawValue,
                samples: dataset.count,
                heldOut: heldOut.isEmpty ? 0 : heldOut[index].count)
        }
    }
}
