import Glibc
public import ModelZoo
import TensorCore

/// What is there of a file's embeddings and what is to be made, found before the first is made.
public struct EmbeddingPlan: Sendable {
    /// An embedding to make.
    struct Item: Sendable {
        let record: Int
        /// Which of the record's captions.
        let ordinal: Int
        /// Bytes of the caption, by which batches are put together.
        let length: Int
        /// Its file, where that is not the one of its name.
        let file: String?
    }

    /// Captions that name an embedding, each counted once.
    public internal(set) var captions = 0
    /// Embeddings that are there, of these captions and by this model.
    public internal(set) var present = 0
    /// Files that are there and that no index lists: kept, as what they are of cannot be known.
    public internal(set) var unlisted = 0
    /// Embeddings to make again: another program left a damaged file in their place.
    public internal(set) var damaged = 0
    /// Embeddings to make again: their captions have changed since.
    public internal(set) var stale = 0
    /// Embeddings to make again: another model made them.
    public internal(set) var ofOtherModels = 0
    /// Captions that a name has beside its first, or names that cannot be files': filed under names
    /// of our own.
    public internal(set) var renamed = 0
    /// Records that come again with the same name and caption.
    public internal(set) var repeated = 0
    /// The captions for other modalities.
    public internal(set) var others: [Modality: Int] = [:]
    /// Records that cannot be understood.
    public internal(set) var failures: [BadSample] = []
    /// How many there are of them; the list is cut short at `listedFailures`.
    public internal(set) var failed = 0
    var items: [Item] = []

    /// As many failures are listed.
    public static let listedFailures = 1_000

    /// Embeddings to make.
    public var missing: Int { items.count }

    mutating func fail(_ captions: CaptionFile, _ record: Int, _ error: any Error) {
        failed += 1
        guard failures.count < EmbeddingPlan.listedFailures else { return }
        failures.append(
            BadSample(
                dataset: captions.source, place: captions.place(of: record), reason: "\(error)"))
    }
}

/// Goes through a file of captions and decides what becomes of each.
struct EmbeddingPlanner {
    let captions: CaptionFile
    let folder: EmbeddingFolder
    /// The model, with its fingerprint.
    let model: String
    let replacesUnlisted: Bool

    private var plan = EmbeddingPlan()
    private var seen: Set<EmbeddingIndex.Key> = []
    /// The files that this run's captions have, by the hashes of their names.
    private var claimed: Set<UInt64> = []
    /// Captions whose file is listed as another caption's; whether that is still wanted shows when
    /// all have been seen.
    private var contested: [(record: Int, ordinal: Int)] = []

    init(
        _ captions: CaptionFile, folder: EmbeddingFolder, model: String, replacesUnlisted: Bool
    ) {
        (self.captions, self.folder) = (captions, folder)
        (self.model, self.replacesUnlisted) = (model, replacesUnlisted)
    }

    mutating func run(progress: (Int, Int) throws -> Void) throws -> EmbeddingPlan {
        for record in 0..<captions.count {
            if record.isMultiple(of: 1024) {
                try Task.checkCancellation()
                try progress(record, captions.count)
            }
            let targets: [CaptionTarget]
            do {
                targets = try captions.targets(record)
            } catch let error as DatasetError where !blamesMachine(error) {
                plan.fail(captions, record, error)
                continue
            }
            for (ordinal, target) in targets.enumerated() {
                guard target.modality == captions.modality else {
                    plan.others[target.modality, default: 0] += 1
                    continue
                }
                try place(target, record, ordinal)
            }
        }
        for (record, ordinal) in contested {
            let target = try captions.targets(record)[ordinal]
            let file = EmbeddingNaming.file(of: target.name)
            let isFree = folder.index.holder(of: file).map { !seen.contains($0) } ?? true
            if isFree, claimed.insert(EmbeddingIndex.digest(file)).inserted {
                plan.stale += 1
                add(target, record, ordinal, file)
            } else {
                add(
                    target, record, ordinal,
                    EmbeddingNaming.distinct(target.name, target.caption))
            }
        }
        try progress(captions.count, captions.count)
        return plan
    }

    private mutating func place(
        _ target: CaptionTarget, _ record: Int, _ ordinal: Int
    ) throws {
        let key = EmbeddingIndex.Key(target)
        guard seen.insert(key).inserted else {
            plan.repeated += 1
            return
        }
        plan.captions += 1
        let index = folder.index
        if let entry = index.entries[key] {
            let file = index.file(of: entry, target.name)
            claimed.insert(EmbeddingIndex.digest(file))
            let isOurs = index.models[Int(entry.model)] == model
            if isOurs, folder.hasWhole(file) {
                plan.present += 1
            } else {
                if !isOurs { plan.ofOtherModels += 1 }
                add(target, record, ordinal, file)
            }
            return
        }
        let file = EmbeddingNaming.file(of: target.name)
        let digest = EmbeddingIndex.digest(file)
        if let holder = index.holder(of: file) {
            if let entry = index.entries[holder],
                index.sources[Int(entry.source)] == captions.source
            {
                contested.append((record, ordinal))
            } else {
                add(
                    target, record, ordinal,
                    EmbeddingNaming.distinct(target.name, target.caption))
            }
        } else if !claimed.insert(digest).inserted {
            add(
                target, record, ordinal, EmbeddingNaming.distinct(target.name, target.caption))
        } else {
            try addUnlessThere(target, record, ordinal, file)
        }
    }

    /// Where no index lists its file.
    private mutating func addUnlessThere(
        _ target: CaptionTarget, _ record: Int, _ ordinal: Int, _ file: String
    ) throws {
        do {
            switch try folder.unlisted(file, replaced: replacesUnlisted) {
            case .embedding:
                plan.unlisted += 1
                return
            case .damaged: plan.damaged += 1
            case .nothing: break
            }
        } catch let error as CheckpointError where !blamesMachine(error) {
            plan.fail(captions, record, error)
            return
        }
        add(target, record, ordinal, file)
    }

    private mutating func add(
        _ target: CaptionTarget, _ record: Int, _ ordinal: Int, _ file: String
    ) {
        let isNamed = file == EmbeddingNaming.file(of: target.name)
        if file != "\(target.name).npy" { plan.renamed += 1 }
        plan.items.append(
            EmbeddingPlan.Item(
                record: record, ordinal: ordinal, length: target.caption.utf8.count,
                file: isNamed ? nil : file))
    }
}
