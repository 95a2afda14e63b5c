// Making SentencePiece models of our own, laid out as LLaMA's: `<unk>`, `<s>`, `</s>`, the bytes,
// then pieces by falling score.

/// Trains BPE models in SentencePiece's format.
public struct SentencePieceTrainer: Sendable {
    /// How many pieces the model shall have, special ones and bytes included.
    public let vocabularySize: Int

    /// A trainer for models of that size.
    ///
    /// - Throws: `TokenizerError.vocabularyTooSmall` below 260
    public init(vocabularySize: Int) throws {
        guard vocabularySize >= 260 else {
            throw TokenizerError.vocabularyTooSmall(found: vocabularySize, least: 260)
        }
        self.vocabularySize = vocabularySize
    }

    /// A model of the sentences: their characters, the most frequent first where not all find
    /// room, and merges within words. Digits stay single, letters and signs apart, and spaces
    /// lead the words they precede.
    ///
    /// The model is smaller than asked for where the sentences give no more pairs to merge. The
    /// same sentences give the same model.
    public func train(_ sentences: [String]) throws -> SentencePieceModel {
        let words = BPETraining.counted(sentences.lazy.flatMap(Self.words))
        var characters: [[UInt8]: Int] = [Array("\u{2581}".utf8): 0]
        for (word, count) in words {
            for scalar in String(decoding: word, as: UTF8.self).unicodeScalars {
                characters[Array(String(scalar).utf8), default: 0] += count
            }
        }
        let room = vocabularySize - 259
        let alphabet = characters.sorted {
            $0.value != $1.value ? $0.value > $1.value : $0.key.lexicographicallyPrecedes($1.key)
        }.prefix(room).map(\.key)
        let places = Dictionary(
            alphabet.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })

        var training = BPETraining(
            symbols: alphabet,
            words: words.flatMap { word, count in
                Self.known(word, places).map { (symbols: $0, count: count) }
            })
        training.run(limit: room - alphabet.count)
        return try Self.model(
            merged: Array(training.symbols[alphabet.count...]), alphabet: alphabet)
    }

    /// Words with their leading `▁`, cut where letters, signs and digits meet; digits apart.
    private static func words(_ sentence: String) -> [[UInt8]] {
        sentence.unicodeScalars.split(separator: " ").flatMap { word -> [[UInt8]] in
            var parts: [[UInt8]] = [Array("\u{2581}".utf8)]
            var last: Class?
            for scalar in word {
                let kind = Class(scalar)
                let joins = kind != .digit && (last == nil || last == kind)
                if !joins { parts.append([]) }
                parts[parts.count - 1] += Array(String(scalar).utf8)
                last = kind
            }
            return parts
        }
    }

    private enum Class {
        case letter, digit, other

        init(_ scalar: Unicode.Scalar) {
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .spacingMark, .enclosingMark: self = .letter
            default: self = scalar.isLetter ? .letter : scalar.isNumber ? .digit : .other
            }
        }
    }

    /// The stretches of a word whose characters all are in the alphabet.
    private static func known(_ word: [UInt8], _ places: [[UInt8]: Int]) -> [[Int]] {
        let symbols = String(decoding: word, as: UTF8.self).unicodeScalars.map {
            places[Array(String($0).utf8)]
        }
        return symbols.split(separator: nil).map { $0.compactMap { $0 } }
    }

    private static func model(
        merged: [[UInt8]], alphabet: [[UInt8]]
    ) throws -> SentencePieceModel {
        typealias Piece = SentencePieceModel.Piece
        var pieces = [
            Piece("<unk>", kind: .unknown), Piece("<s>", kind: .control),
            Piece("</s>", kind: .control),
        ]
        for byte in 0..<256 {
            let digits = String(byte, radix: 16, uppercase: true)
            pieces.append(Piece("<0x\(byte < 16 ? "0" : "")\(digits)>", kind: .byte))
        }
        // Two ways of merging may make the same text: the first counts.
        var seen: Set<[UInt8]> = []
        for text in merged + alphabet where seen.insert(text).inserted {
            pieces.append(
                Piece(String(decoding: text, as: UTF8.self), score: -Float(pieces.count - 259)))
        }

        var trainer = ProtobufMessage()
        trainer.add(3, int: 2)
        trainer.add(4, int: pieces.count)
        trainer.add(25, int: 1)
        trainer.add(35, int: 1)
        for (index, id) in [0, 1, 2, -1].enumerated() { trainer.add(40 + index, int: id) }
        var normalizer = ProtobufMessage()
        normalizer.add(1, bytes: "identity".utf8)
        normalizer.add(2, bytes: [])
        normalizer.add(3, int: 1)
        normalizer.add(4, int: 0)
        normalizer.add(5, int: 1)
        return try SentencePieceModel(
            pieces: pieces, trainerSpec: trainer, normalizerSpec: normalizer,
            file: "tokenizer.model")
    }
}

extension SentencePieceModel {
    /// With made-up words at its end, so that it has as many pieces as a larger vocabulary.
    package func padded(to count: Int) throws -> SentencePieceModel {
        let least = pieces.map(\.score).min() ?? 0
        let words = (0..<max(0, count - pieces.count)).map { index in
            Piece("madeupword\(index)", score: least - Float(index + 1))
        }
        return try SentencePieceModel(
            pieces: pieces + words, trainerSpec: trainerSpec, normalizerSpec: normalizerSpec,
            file: file)
    }
}
