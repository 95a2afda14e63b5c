public import Dialogue
public import ModelZoo

/// A caption whose embedding an answer's signal span is trained towards.
public struct CaptionTarget: Hashable, Sendable {
    /// What the span asks for.
    public let modality: Modality
    /// The caption as the dataset has it: embeddings are computed from this text.
    public let caption: String
    /// The name that the embedding is filed under, such as `t2x00000.wav`.
    public let name: String

    /// A target.
    public init(modality: Modality, caption: String, name: String) {
        (self.modality, self.caption, self.name) = (modality, caption, name)
    }
}

/// One training sample, whatever dataset it comes from: a dialogue, the media that it shows and the
/// captions that its answers' signals stand for.
public struct DialogueSample: Equatable, Sendable {
    /// Where it stands.
    public let place: RecordPlace
    /// Which way it goes.
    public let type: DatasetType
    /// The turns, a human's first.
    public let messages: [Message]
    /// One for each `.medium` part, in reading order.
    public let media: [MediaReference]
    /// One for each `.signal` part, in reading order.
    public let targets: [CaptionTarget]
    /// The folder of the captions' embeddings, where the dataset has one.
    public let embeddings: String?
    /// Media of questions that are not there, and are asked about by their captions instead.
    public let absentMedia: Int

    package init(
        place: RecordPlace, type: DatasetType, messages: [Message],
        media: [MediaReference] = [], targets: [CaptionTarget] = [], embeddings: String? = nil,
        absentMedia: Int = 0
    ) {
        (self.place, self.type, self.messages) = (place, type, messages)
        (self.media, self.targets, self.embeddings) = (media, targets, embeddings)
        self.absentMedia = absentMedia
    }
}

/// A dataset of the catalog as samples by number. Nothing but its index is in memory; a record is
/// read and converted when it is asked for, and its media when they are opened.
public struct DialogueDataset: Sendable {
    /// The catalog's entry.
    public let entry: DatasetEntry
    /// How many records it has.
    public var count: Int { part?.range.count ?? records.count }
    private let records: RecordSet
    private let converter: RecordConverter
    /// Which records these are, of all in a random order; nil for all as they stand.
    private var part: (order: Permutation, range: Range<Int>)?

    /// Finds the records of the entry's file.
    ///
    /// - Parameter prompt: what a captioning sample (stage 1) asks about its medium
    /// - Throws: `DatasetError` for a file that is not there, damaged or cut short
    public init(
        _ entry: DatasetEntry, prompt: String = "generate a caption",
        limits: RecordLimits = RecordLimits()
    ) throws {
        self.entry = entry
        converter = RecordConverter(entry: entry, prompt: prompt)
        records = try RecordSet(
            contentsOf: entry.dataPath, columns: converter.unnamedColumns, limits: limits)
    }

    /// Over records that were found already.
    package init(_ entry: DatasetEntry, records: RecordSet) {
        (self.entry, self.records) = (entry, records)
        converter = RecordConverter(entry: entry, prompt: "")
    }

    /// Sets records apart at random: which ones depends on the seed and their number alone.
    public func split(
        holdingOut held: Int, seed: UInt64
    ) -> (rest: DialogueDataset, heldOut: DialogueDataset) {
        precondition(part == nil, "split: '\(entry.name)' is a part already")
        precondition((0...count).contains(held), "split: \(held) of \(count) records")
        let order = Permutation(count: count, seed: seed)
        var (rest, heldOut) = (self, self)
        rest.part = (order, 0..<count - held)
        heldOut.part = (order, count - held..<count)
        return (rest, heldOut)
    }

    /// The number that record `index` has among all.
    private func number(_ index: Int) -> Int {
        precondition(index >= 0 && index < count, "record \(index) of \(count)")
        return part.map { $0.order[$0.range.lowerBound + index] } ?? index
    }

    /// Sample `index`.
    ///
    /// - Throws: `DatasetError.badRecord` and `.mediaMismatch`, for this record alone
    public func sample(_ index: Int) throws -> DialogueSample {
        try converter.sample(from: records.record(number(index)))
    }

    /// The sample of the record that stands there, whatever part of all these are; nil where there is
    /// no such record.
    func sample(at place: RecordPlace) throws -> DialogueSample? {
        try records.number(of: place).map { try converter.sample(from: records.record($0)) }
    }

    /// The caption as it stands and the medium of record `index`, of a dataset of pairs.
    ///
    /// - Throws: `DatasetError.badRecord`
    package func captioned(_ index: Int) throws -> (caption: String, medium: MediaReference) {
        let record = try records.record(number(index))
        guard entry.format == .pair, let modality = entry.type.medium else {
            throw record.fault(
                "no pairs in '\(entry.name)'", expected: "a loader and type of pairs")
        }
        return try converter.captioned(record, modality)
    }

    /// Where record `index` stands.
    public func place(of index: Int) -> RecordPlace { records.place(of: number(index)) }
}
