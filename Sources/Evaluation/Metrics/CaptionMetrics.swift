import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

extension TextMetrics {
    /// ROUGE-L, in [0, 1]: the harmonic mean of the shares of both texts that their longest common
    /// subsequence of words covers; the best over the references. Marks do not count.
    ///
    /// - Source: Lin, 2004, as the package rouge-score has it, without stemming
    public static func rougeL(candidate: String, references: [String]) -> Double {
        let found = plainWords(candidate)
        return references.map { reference in
            let expected = plainWords(reference)
            let common = Double(longestCommonSubsequence(found, expected))
            guard common > 0 else { return 0 }
            let (precision, recall) = (
                common / Double(found.count), common / Double(expected.count)
            )
            return 2 * precision * recall / (precision + recall)
        }.max() ?? 0
    }

    /// CIDEr-D of each candidate, in [0, 10]: how far its runs of one to four words are those of its
    /// references, rare ones counting more. Runs are rare among the references of this corpus, so
    /// that scores of different corpora, and of few texts, do not compare.
    ///
    /// - Parameter references: for each candidate, one or more texts
    /// - Source: Vedantam et al., 2015, as the package pycocoevalcap has it
    public static func ciderD(candidates: [String], references: [[String]]) -> [Double] {
        precondition(
            candidates.count == references.count && references.allSatisfy { !$0.isEmpty },
            "ciderD: \(candidates.count) candidates, \(references.count) lists of references")
        let weighting = RunWeighting(references)
        return zip(candidates, references).map { candidate, references in
            let found = weighting.vector(of: candidate)
            let sum = references.reduce(0) { $0 + found.similarity(to: weighting.vector(of: $1)) }
            return 10 * sum / Double(references.count)
        }
    }

    /// Lower-cased runs of Latin letters and digits.
    private static func plainWords(_ text: String) -> [Substring] {
        text.lowercased().split { character in
            !(character.isASCII && (character.isLetter || character.isNumber))
        }
    }

    private static func longestCommonSubsequence(_ a: [Substring], _ b: [Substring]) -> Int {
        var lengths = [Int](repeating: 0, count: b.count + 1)
        for word in a {
            var diagonal = 0
            for place in b.indices {
                let above = lengths[place + 1]
                lengths[place + 1] =
                    word == b[place] ? diagonal + 1 : max(above, lengths[place])
                diagonal = above
            }
        }
        return lengths.last ?? 0
    }
}

/// How much each run of words counts: the logarithm of how few of a corpus have it.
private struct RunWeighting {
    private let documents: Double
    private var frequency: [ArraySlice<String>: Int] = [:]

    init(_ references: [[String]]) {
        documents = Double(references.count)
        for texts in references {
            let runs = Set(
                texts.flatMap { text in
                    (1...4).flatMap { TextMetrics.runs(TextMetrics.words(text), $0).keys }
                })
            for run in runs { frequency[run, default: 0] += 1 }
        }
    }

    func vector(of text: String) -> RunVector {
        let words = TextMetrics.words(text)
        return RunVector(
            weights: (1...4).map { length in
                var weights: [ArraySlice<String>: Double] = [:]
                for (run, count) in TextMetrics.runs(words, length) {
                    let rarity = log(documents / Double(max(1, frequency[run] ?? 0)))
                    weights[run] = Double(count) * rarity
                }
                return weights
            }, pairs: max(0, words.count - 1))
    }
}

/// A text as weights of its runs, by their length.
private struct RunVector {
    let weights: [[ArraySlice<String>: Double]]
    /// Runs of two words, which the penalty of lengths counts.
    let pairs: Int

    /// The mean over lengths of the clipped cosines, less where the lengths differ.
    func similarity(to other: RunVector) -> Double {
        let difference = Double(pairs - other.pairs)
        let penalty = exp(-difference * difference / (2 * 6 * 6))
        let cosines = zip(weights, other.weights).map { own, other -> Double in
            let product = own.reduce(0) { sum, entry in
                let theirs = other[entry.key] ?? 0
                return sum + min(entry.value, theirs) * theirs
            }
            let norms = RunVector.norm(own) * RunVector.norm(other)
            return norms == 0 ? 0 : product / norms
        }
        return penalty * cosines.reduce(0, +) / Double(cosines.count)
    }

    private static func norm(_ weights: [ArraySlice<String>: Double]) -> Double {
        weights.values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}
