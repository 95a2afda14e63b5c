import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// Scores of generated text: how much it shares with references, and how varied it is.
public enum TextMetrics {
    /// Lower-cased words and single punctuation marks.
    public static func words(_ text: String) -> [String] {
        var words: [String] = []
        var inWord = false
        for character in text.lowercased() {
            if character.isLetter || character.isNumber || character == "'" {
                if inWord {
                    words[words.count - 1].append(character)
                } else {
                    words.append(String(character))
                }
                inWord = true
            } else {
                inWord = false
                if !character.isWhitespace { words.append(String(character)) }
            }
        }
        return words
    }

    /// How often each run of `length` words occurs.
    static func runs(_ words: [String], _ length: Int) -> [ArraySlice<String>: Int] {
        guard words.count >= length else { return [:] }
        return (0...(words.count - length)).reduce(into: [:]) {
            $0[words[$1..<($1 + length)], default: 0] += 1
        }
    }

    /// BLEU-4 of a corpus, in [0, 1], without smoothing: the geometric mean of the clipped
    /// precisions of runs of one to four words, times the penalty for brevity.
    ///
    /// - Parameter references: for each candidate, one or more texts
    /// - Source: Papineni et al., 2002; the reference length is the closest one, shorter on a tie
    public static func bleu4(candidates: [String], references: [[String]]) -> Double {
        precondition(
            candidates.count == references.count && references.allSatisfy { !$0.isEmpty },
            "bleu4: \(candidates.count) candidates, \(references.count) lists of references")
        var matched = [0, 0, 0, 0]
        var possible = [0, 0, 0, 0]
        var (candidateLength, referenceLength) = (0, 0)
        for (candidate, references) in zip(candidates, references) {
            let found = words(candidate)
            let expected = references.map(words)
            candidateLength += found.count
            referenceLength +=
                expected.map(\.count).min {
                    (abs($0 - found.count), $0) < (abs($1 - found.count), $1)
                } ?? 0
            for length in 1...4 {
                let limits = expected.map { runs($0, length) }
                for (run, count) in runs(found, length) {
                    let limit = limits.map { $0[run] ?? 0 }.max() ?? 0
                    matched[length - 1] += min(count, limit)
                    possible[length - 1] += count
                }
            }
        }
        guard !matched.contains(0) else { return 0 }
        let logarithms = zip(matched, possible).map { log(Double($0) / Double($1)) }
        let brevity = min(0, 1 - Double(referenceLength) / Double(candidateLength))
        return exp(logarithms.reduce(0, +) / 4 + brevity)
    }

    /// The share of runs of `length` words that differ, over all texts together, in [0, 1].
    ///
    /// - Source: Li et al., 2016 (distinct-n)
    public static func distinct(_ length: Int, in texts: [String]) -> Double {
        precondition(length > 0, "distinct: runs of \(length) words")
        let counts = texts.map { runs(words($0), length) }
        let total = counts.reduce(0) { $0 + $1.values.reduce(0, +) }
        let different = counts.reduce(into: Set<ArraySlice<String>>()) { $0.formUnion($1.keys) }
        return total == 0 ? 0 : Double(different.count) / Double(total)
    }
}
