/// What became of a sequence that had to fit.
public enum SequenceFit: String, CaseIterable, Codable, Sendable {
    /// It fitted.
    case whole
    /// Its end was cut off, and no signal span with it.
    case cutRight
    /// The beginning of its text was cut off, so that what is learnt stays.
    case cutLeft
    /// Nothing that could be learnt fitted: there is no sequence.
    case dropped
}

extension DialogueSequence {
    /// The sequence with at most `maxLength` tokens in its text part.
    ///
    /// The end is cut, as the original does, unless that would cut or lose a signal span or leave
    /// nothing to learn; then the beginning of the text is cut instead, after the marks and media
    /// that the dialogue opens with. Spans and media are never cut in two: one that does not fit
    /// goes as a whole, and `Span.signal` still says which the others are. Where no span of a
    /// dialogue that has some would remain, the sequence is dropped.
    public func fitted(to maxLength: Int) -> (sequence: DialogueSequence?, fit: SequenceFit) {
        precondition(maxLength > 0, "fitted: to \(maxLength) tokens")
        let excess = textTokens(from: prefixCount, to: elements.count) - maxLength
        guard excess > 0 else { return (self, .whole) }
        let right = keeping(0..<elements.count - tokensFromTheRight(excess))
        if right.spans.count == spans.count, right.hasLabels { return (right, .cutRight) }
        let left = cutLeft(excess)
        guard left.hasLabels, spans.isEmpty || !left.spans.isEmpty,
            left.textTokens(from: prefixCount, to: left.elements.count) <= maxLength
        else { return (nil, .dropped) }
        return (left, .cutLeft)
    }

    private var hasLabels: Bool { labels.contains { $0 != nil } }

    private func textTokens(from start: Int, to end: Int) -> Int {
        elements[min(start, end)..<end].count { if case .token = $0 { true } else { false } }
    }

    /// Ranges that stay together: spans, and media with their marks.
    private var atoms: [Range<Int>] {
        let blocks = elements.indices.compactMap { index -> Range<Int>? in
            guard case .medium = elements[index] else { return nil }
            return index - 1..<min(index + 2, elements.count)
        }
        return spans.map(\.elements) + blocks
    }

    /// How many elements to take off the end to be rid of `excess` tokens, whole atoms at a time.
    private func tokensFromTheRight(_ excess: Int) -> Int {
        var (end, rest) = (elements.count, excess)
        while rest > 0, end > prefixCount {
            end -= 1
            if case .token = elements[end] { rest -= 1 }
        }
        if let cut = atoms.first(where: { $0.lowerBound < end && end < $0.upperBound }) {
            end = max(cut.lowerBound, prefixCount)
        }
        return elements.count - end
    }

    private func cutLeft(_ excess: Int) -> DialogueSequence {
        // The mark that closes the opening medium belongs to it.
        var start = prefixCount
        if start > 0, case .medium = elements[start - 1] { start += 1 }
        let kept = start
        var rest = excess
        while rest > 0, start < elements.count {
            if case .token = elements[start] { rest -= 1 }
            start += 1
        }
        if let cut = atoms.first(where: { $0.lowerBound < start && start < $0.upperBound }) {
            start = cut.upperBound
        }
        return keeping(0..<min(kept, elements.count), start..<elements.count)
    }

    /// The elements of those ranges, with labels, media and spans that belong to them.
    private func keeping(_ ranges: Range<Int>...) -> DialogueSequence {
        var result = DialogueSequence()
        result.prefixCount = prefixCount
        for range in ranges where !range.isEmpty {
            let shift = result.elements.count - range.lowerBound
            for index in range {
                if case .medium(let medium) = elements[index] {
                    result.elements.append(.medium(result.media.count))
                    result.media.append(media[medium])
                } else {
                    result.elements.append(elements[index])
                }
            }
            result.labels += labels[range]
            for var span in spans
            where range.lowerBound <= span.elements.lowerBound
                && span.elements.upperBound <= range.upperBound
            {
                span.elements =
                    span.elements.lowerBound + shift..<span.elements.upperBound + shift
                result.spans.append(span)
            }
        }
        return result
    }
}
