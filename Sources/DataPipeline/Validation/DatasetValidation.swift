public import Dialogue
import MediaIO
import ModelZoo

/// Looks at every record of a dataset, and at its media, before a run depends on them.
public struct DatasetValidation: Sendable {
    /// How closely media are looked at.
    public enum MediaCheck: Sendable, Equatable {
        /// Every file is looked for, and this many of them, spread over the dataset, are decoded.
        case some(Int)
        /// Every file is decoded.
        case all
    }

    private let dataset: DialogueDataset
    private let layout: SequenceLayout?
    private let maxLength: Int
    private let decodesEvery: Int?

    /// Records that one task looks at before it reports.
    private static let block = 2048

    /// A validation.
    ///
    /// - Parameters:
    ///   - layout: counts tokens; without one they are estimated
    ///   - maxLength: tokens of a sample's text that training keeps
    public init(
        _ dataset: DialogueDataset, layout: SequenceLayout?, maxLength: Int = 512,
        media: MediaCheck = .some(200)
    ) {
        (self.dataset, self.layout, self.maxLength) = (dataset, layout, maxLength)
        switch media {
        case .all: decodesEvery = 1
        case .some(let count): decodesEvery = count > 0 ? max(1, dataset.count / count) : nil
        }
    }

    /// The report. Blocks of records are looked at side by side; it does not depend on which is
    /// done first.
    ///
    /// - Parameter progress: records done, of all
    /// - Throws: `CancellationError`; what the machine is to blame for, such as a full disk
    public func run(progress: (Int, Int) -> Void = { _, _ in }) async throws -> DatasetReport {
        let blocks = stride(from: 0, to: dataset.count, by: DatasetValidation.block).map {
            $0..<min($0 + DatasetValidation.block, dataset.count)
        }
        var report = DatasetReport(dataset.entry)
        var seen: Set<Int> = []
        try await withThrowingTaskGroup(of: (Int, Block).self) { group in
            var waiting: [Int: Block] = [:]
            var (begun, merged, done) = (0, 0, 0)
            while merged < blocks.count {
                while begun < blocks.count, begun - merged < 8 {
                    let number = begun
                    group.addTask { (number, try look(at: blocks[number])) }
                    begun += 1
                }
                guard let (number, block) = try await group.next() else { break }
                waiting[number] = block
                done += blocks[number].count
                progress(done, dataset.count)
                while let block = waiting.removeValue(forKey: merged) {
                    report.add(block.report)
                    for (place, fingerprint) in block.fingerprints
                    where !seen.insert(fingerprint).inserted {
                        report.note(.duplicate, place, "\(place): says the same as a record before")
                    }
                    merged += 1
                }
            }
        }
        report.problems.sort { $0.place.record < $1.place.record }
        return report
    }

    private struct Block: Sendable {
        var report: DatasetReport
        var fingerprints: [(RecordPlace, Int)] = []
    }

    private func look(at range: Range<Int>) throws -> Block {
        var block = Block(report: DatasetReport(dataset.entry))
        block.report.tokensAreEstimated = layout == nil
        for index in range {
            try Task.checkCancellation()
            block.report.records += 1
            let place = dataset.place(of: index)
            do {
                let sample = try dataset.sample(index)
                block.fingerprints.append((place, fingerprint(sample)))
                if try look(at: sample, index, &block.report) { block.report.usable += 1 }
            } catch let error as DatasetError where !blamesMachine(error) {
                var fault = DatasetReport.Fault.badRecord
                if case .mediaMismatch = error { fault = .mismatch }
                block.report.note(fault, place, "\(error)")
            } catch let error as DialogueError {
                block.report.note(.badRecord, place, "\(place): \(error)")
            }
        }
        return block
    }

    /// Whether a sample can be used.
    private func look(
        at sample: DialogueSample, _ index: Int, _ report: inout DatasetReport
    ) throws -> Bool {
        let learnt = sample.messages.filter { $0.role == .assistant }.map(\.text)
        report.captionLengths.add(learnt.reduce(0) { $0 + $1.unicodeScalars.count })
        if let layout {
            let sequence = try layout.sequence(of: sample.messages)
            report.tokens.add(sequence.elements.count)
            report.fits[sequence.fitted(to: maxLength).fit.rawValue, default: 0] += 1
        } else {
            report.tokens.add(sample.messages.reduce(8) { $0 + $1.text.utf8.count / 4 + 6 })
        }
        report.absentMedia += sample.absentMedia
        var isUsable = true
        for medium in sample.media {
            report.media[medium.modality.rawValue, default: 0] += 1
            do {
                if let decodesEvery, index.isMultiple(of: decodesEvery) {
                    try medium.withPath {
                        report.decodedMedia += 1
                        try checkMedium(medium.modality, $0)
                    }
                } else {
                    try medium.withPath { _ in }
                }
            } catch let error as DatasetError where !blamesMachine(error) {
                report.note(.missingMedia, sample.place, "\(sample.place): \(error)")
                isUsable = false
            } catch let error as MediaError where !blamesMachine(error) {
                report.note(
                    .corruptMedia, sample.place, "\(sample.place): \(medium.name): \(error)")
                isUsable = false
            }
        }
        return isUsable
    }

    private func fingerprint(_ sample: DialogueSample) -> Int {
        var hasher = Hasher()
        for message in sample.messages { hasher.combine(message.text) }
        hasher.combine(sample.media)
        hasher.combine(sample.targets)
        return hasher.finalize()
    }
}

/// Throws where a file cannot be decoded as that medium.
private func checkMedium(_ modality: Modality, _ path: String) throws {
    switch modality {
    case .image: _ = try RGBImage(contentsOf: path)
    case .audio: _ = try Waveform(contentsOf: path)
    case .video:
        let video = try VideoFile(contentsOf: path)
        _ = try video.frames([0, video.frameCount - 1])
    }
}
