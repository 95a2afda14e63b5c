import FoundationEssentials
import Glibc
import ModelZoo
public import TensorCore

/// Fills a folder with the embeddings of a file's captions: those that are not there, or are there
/// of another caption or by another model. Stopped at any moment, the next run goes on.
public struct EmbeddingRun {
    /// What a run did.
    public struct Report: Codable, Equatable, Sendable {
        /// Embeddings made, and how many of them in place of one that was there.
        public internal(set) var made = 0
        public internal(set) var replaced = 0
        /// Embeddings that were there already.
        public internal(set) var present = 0
        /// Files that were there and that no index lists: kept as they are.
        public internal(set) var unlisted = 0
        /// Files of another program that could not be read, made again.
        public internal(set) var damaged = 0
        /// Captions longer than the encoder reads, each cut by itself at its end.
        public internal(set) var cut = 0
        /// Records that came again with the same name and caption.
        public internal(set) var repeated = 0
        /// Embeddings filed under a name that is not the medium's with `.npy` behind it.
        public internal(set) var renamed = 0
        /// Records without an embedding, and the file that names each and says why.
        public internal(set) var failed = 0
        public internal(set) var failures: String?
        /// Seconds of encoding and writing.
        public internal(set) var seconds = 0.0
    }

    /// What is there and what is to be made.
    public let plan: EmbeddingPlan
    private let captions: CaptionFile
    private let model: String
    private var folder: EmbeddingFolder

    /// Looks through the captions and the folder; nothing is written yet.
    ///
    /// - Parameters:
    ///   - folder: where the embeddings are, or are to be
    ///   - model: what makes them, with a fingerprint that other weights do not have
    ///   - shape: of one embedding, `[tokens, width]` or `[width]`
    ///   - replacesUnlisted: whether files that another program wrote are made again too
    ///   - progress: records looked at, of all; what it throws ends the work
    /// - Throws: `DatasetError`, `EmbeddingError`, `CheckpointError`
    public init(
        _ captions: CaptionFile, folder: String, model: String, shape: Shape,
        replacesUnlisted: Bool = false, progress: (Int, Int) throws -> Void = { _, _ in }
    ) throws {
        precondition(
            !model.contains("\t") && !model.contains("\n"), "EmbeddingRun: model '\(model)'")
        (self.captions, self.model) = (captions, model)
        self.folder = try EmbeddingFolder(folder, modality: captions.modality, shape: shape)
        var planner = EmbeddingPlanner(
            captions, folder: self.folder, model: model, replacesUnlisted: replacesUnlisted)
        plan = try planner.run(progress: progress)
        guard plan.captions > 0 || plan.failed > 0 else {
            throw EmbeddingError.nothingToEmbed(
                file: captions.path, modality: captions.modality, others: plan.others)
        }
    }

    /// Bytes that the missing embeddings will take.
    public var bytesToWrite: Int { plan.missing * folder.fileBytes }

    /// Makes what is missing.
    ///
    /// - Parameters:
    ///   - batchSize: captions that are encoded, and whose files are written, together
    ///   - isTooLong: whether a caption is longer than the encoder reads
    ///   - encode: captions to as many embeddings of the run's shape
    ///   - progress: embeddings made, of all that were missing, and seconds that the rest may take;
    ///     what it throws ends the work between two batches
    /// - Throws: `EmbeddingError`, `CheckpointError`, `CancellationError`, what the closures throw
    public mutating func run(
        batchSize: Int, isTooLong: (String) -> Bool = { _ in false },
        encode: ([String]) throws -> [Tensor],
        progress: (Int, Int, Double) throws -> Void = { _, _, _ in }
    ) throws -> Report {
        precondition(batchSize > 0, "EmbeddingRun: batches of \(batchSize)")
        var report = Report()
        (report.present, report.unlisted) = (plan.present, plan.unlisted)
        report.damaged = plan.damaged
        (report.replaced, report.repeated) = (plan.stale + plan.ofOtherModels, plan.repeated)
        report.renamed = plan.renamed
        var failures = plan
        if plan.missing > 0 { try folder.prepare(for: plan.missing) }
        let clock = ContinuousClock()
        let start = clock.now
        func seconds() -> Double { (clock.now - start) / .seconds(1) }
        var done = 0
        for batch in batches(of: batchSize) {
            try Task.checkCancellation()
            let targets = try batch.map { try captions.targets($0.record)[$0.ordinal] }
            report.cut += targets.count { isTooLong($0.caption) }
            let values = try encode(targets.map(\.caption))
            precondition(values.count == batch.count, "EmbeddingRun: \(values.count) values")
            var written: [(line: EmbeddingIndex.Line, value: Tensor)] = []
            for (item, (target, value)) in zip(batch, zip(targets, values)) {
                precondition(value.shape == folder.shape, "EmbeddingRun: \(value.shape)")
                let half = value.cast(to: .float16)
                let file = item.file ?? EmbeddingNaming.file(of: target.name)
                guard half.cast(to: .float32).floats().allSatisfy(\.isFinite) else {
                    failures.fail(
                        captions, item.record,
                        EmbeddingError.notFinite(file: file, modality: target.modality))
                    continue
                }
                written.append((line(file, target), half))
            }
            try folder.write(written)
            report.made += written.count
            done += batch.count
            let left = seconds() / Double(done) * Double(plan.missing - done)
            try progress(done, plan.missing, left)
        }
        report.seconds = seconds()
        report.failed = failures.failed
        report.failures = try list(failures)
        return report
    }

    /// Captions of like length go together, so that little padding is computed. They are sorted
    /// within stretches, not over the whole file, so that files are read nearly in order.
    private func batches(of size: Int) -> [ArraySlice<EmbeddingPlan.Item>] {
        let stretch = 16 * size
        return stride(from: 0, to: plan.items.count, by: stretch).flatMap { start in
            let items = plan.items[start..<min(start + stretch, plan.items.count)]
                .sorted { ($0.length, $0.record) < ($1.length, $1.record) }
            return stride(from: 0, to: items.count, by: size).map {
                items[$0..<min($0 + size, items.count)]
            }
        }
    }

    private func line(_ file: String, _ target: CaptionTarget) -> EmbeddingIndex.Line {
        EmbeddingIndex.Line(
            file: file, modality: target.modality, name: target.name,
            digest: EmbeddingIndex.digest(target.caption), model: model,
            source: captions.source)
    }

    /// Names what failed in a file beside the embeddings; where nothing did, the list of an earlier
    /// run goes.
    private mutating func list(_ failures: EmbeddingPlan) throws -> String? {
        let path = "\(folder.path)/\(captions.source).failures.jsonl"
        guard failures.failed > 0 else {
            unlink(path)
            return nil
        }
        try folder.prepare(for: 0)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(to: path) { file in
            for bad in failures.failures {
                try file.write([UInt8](try encoder.encode(bad)) + [UInt8(ascii: "\n")])
            }
        }
        return path
    }
}
