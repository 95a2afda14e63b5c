import Dialogue
import ModelZoo
import TensorCore

/// What rows of new tokens start as.
public enum AddedRowsInitial: String, Codable, Sendable {
    /// The mean of the rows that the base model has.
    case mean
    /// Normal with deviation 0.02, as the original's.
    case normal
}

/// The embedding and the head for a tokenizer's ids, put together from a base model and a delta.
///
/// A delta holds whole tables, numbered as the tokenizer it was trained with. A base with one token
/// more (a Vicuna with `[PAD]`) numbers the added tokens differently, so rows are found by what
/// their tokens are called.
struct VocabularyTables {
    static let names = ["model.embed_tokens.weight", "lm_head.weight"]

    let base: Checkpoint
    let delta: Delta?
    let tokenizer: LLaMATokenizer

    private enum Source: Equatable {
        case base(Int)
        case delta(Int)
        case drawn

        /// Whether `other` is the next row of the same table.
        func continues(with other: Source) -> Bool {
            switch (self, other) {
            case (.base(let a), .base(let b)), (.delta(let a), .delta(let b)): b == a + 1
            case (.drawn, .drawn): true
            default: false
            }
        }
    }

    /// Rows that the base model has for the tokens of its own tokenizer: what stays where only
    /// added rows move. Tables that were enlarged to a round number have more.
    var baseRows: Int { min(base[VocabularyTables.names[0]]?.shape.first ?? 0, firstAdded) }

    /// How many rows the tables have that are read as they are stored.
    var storedRows: Int {
        (delta?.languageModel[VocabularyTables.names[0]] ?? base[VocabularyTables.names[0]])?
            .shape.first ?? 0
    }

    /// A table as the model reads it, each row as stored; nil where neither file has it.
    ///
    /// - Throws: `ModelError.missingTokens`, `CheckpointError`
    func whole(_ name: String) throws -> StoredTensor? {
        guard let table = delta?.languageModel[name] else { return base[name] }
        let sources = sources(0..<tokenizer.vocabularySize, name, keepsBase: false)
        let absent = sources.indices.filter { sources[$0] == .drawn }
        guard absent.isEmpty else {
            throw ModelError.missingTokens(
                absent.compactMap(tokenizer.token), file: delta?.file ?? table.file)
        }
        let isInOrder = sources.indices.allSatisfy { sources[$0] == .delta($0) }
        return isInOrder
            ? table : StoredTensor(name: name, value: try tensor(sources, name), file: table.file)
    }

    /// The rows of some ids, those that no file has drawn.
    ///
    /// - Parameter keepsBase: takes the rows that training did not move from the base model itself,
    ///   which has them unrounded
    /// - Throws: `CheckpointError`
    func rows(
        _ ids: Range<Int>, of name: String, initial: AddedRowsInitial, seed: UInt64,
        keepsBase: Bool
    ) throws -> Tensor {
        try tensor(
            sources(ids, name, keepsBase: keepsBase), name,
            drawing: { count, width in
                switch initial {
                case .mean: return try mean(of: name).broadcast(to: [count, width])
                case .normal:
                    var generator = TorchGenerator(seed: seed)
                    return Initializer.normal(0.02).draw([count, width], from: &generator)
                }
            })
    }

    private func sources(_ ids: Range<Int>, _ name: String, keepsBase: Bool) -> [Source] {
        let pieces = tokenizer.model.vocabularySize
        let baseCount = base[name]?.shape.first ?? 0
        let table = delta?.languageModel[name]
        let known = delta?.tokenIDs ?? [:]
        return ids.map { id in
            if let rows = table?.shape.first {
                var place: Int? = id
                // Where the delta does not name its tokens, its ids are taken to be ours.
                if id >= pieces, !known.isEmpty {
                    place = tokenizer.token(id).flatMap { known[$0] }
                }
                if let place, place >= 0, place < rows {
                    let isBase = id < baseCount && isBaseToken(id)
                    return keepsBase && isBase ? .base(id) : .delta(place)
                }
            }
            return id < baseCount && isBaseToken(id) ? .base(id) : .drawn
        }
    }

    /// Whether an id is not one of the signal tokens, for which a base that was enlarged to a
    /// round number has rows that mean nothing.
    private func isBaseToken(_ id: Int) -> Bool { id < firstAdded }

    /// The first id that the system added to the base tokenizer.
    var firstAdded: Int { tokenizer.id(of: SignalTokens.mediumStart) ?? tokenizer.vocabularySize }

    private func tensor(
        _ sources: [Source], _ name: String,
        drawing: (_ count: Int, _ width: Int) throws -> Tensor = { _, _ in Tensor([]) }
    ) throws -> Tensor {
        let own = try base[name]?.tensor()
        let changed = try delta?.languageModel[name]?.tensor()
        guard let width = (own ?? changed)?.shape.last else {
            throw CheckpointError.missing(name: name, expected: [], file: base.file)
        }
        var parts: [Tensor] = []
        var start = 0
        for end in 1...max(sources.count, 1) where end <= sources.count {
            if end < sources.count, sources[end - 1].continues(with: sources[end]) { continue }
            switch sources[start] {
            case .base(let row):
                parts += [own?.sliced(0, row..<(row + end - start))].compactMap(\.self)
            case .delta(let row):
                parts += [changed?.sliced(0, row..<(row + end - start))].compactMap(\.self)
            case .drawn: parts.append(try drawing(end - start, width))
            }
            start = end
        }
        if parts.count == 1 { return parts[0] }
        // One type for all, which 16 bits are where every part has them.
        let types = Set(parts.map(\.dtype))
        let common: DType =
            types.count == 1 && !parts[0].dtype.isBlocked ? parts[0].dtype : .float32
        return .concatenate(parts.map { $0.cast(to: common) }, axis: 0)
    }

    /// The mean row of the base model's table, `[1, width]`.
    private func mean(of name: String) throws -> Tensor {
        guard let table = try base[name]?.tensor() else {
            throw CheckpointError.missing(name: name, expected: [], file: base.file)
        }
        let count = baseRows
        // Piece by piece: the whole table in float32 may be half a gigabyte.
        let sums = stride(from: 0, to: count, by: 1024).map { start in
            table.sliced(0, start..<min(start + 1024, count)).cast(to: .float32)
                .sum([0], keepingAxes: true)
        }
        return sums.dropFirst().reduce(sums[0], +) * (1 / Float(count))
    }
}
