import TensorCore

/// The losses of several micro-batches, added up before they are divided: over a step, or over the
/// held-out samples.
struct LossSums: Codable, Equatable {
    private struct Term: Codable, Equatable {
        var unit: LossUnit
        var sum = 0.0
        var weighted = 0.0
    }

    /// By phase and name.
    private var terms: [String: [String: Term]] = [:]
    private var correct = 0
    private var predicted = 0
    private(set) var tokens = 0
    private(set) var samples = 0

    /// Takes a micro-batch in. Reads its losses, which waits for them.
    mutating func add(_ loss: TrainingLoss, in phase: String, isFirst: Bool, samples: Int) {
        for term in loss.terms {
            let value = Double(term.sum.detached().item())
            var entry = terms[phase, default: [:]][term.name] ?? Term(unit: term.unit)
            entry.sum += value
            entry.weighted += Double(term.weight) * value
            terms[phase, default: [:]][term.name] = entry
        }
        // Each phase sees the same samples.
        guard isFirst else { return }
        if let accuracy = loss.accuracy {
            correct += accuracy.correct
            predicted += accuracy.counted
        }
        tokens += loss.tokens
        self.samples += samples
    }

    static func += (a: inout LossSums, b: LossSums) {
        for (phase, names) in b.terms {
            for (name, term) in names {
                var entry = a.terms[phase, default: [:]][name] ?? Term(unit: term.unit)
                entry.sum += term.sum
                entry.weighted += term.weighted
                a.terms[phase, default: [:]][name] = entry
            }
        }
        a.correct += b.correct
        a.predicted += b.predicted
        a.tokens += b.tokens
        a.samples += b.samples
    }

    /// The share of labelled tokens that were predicted, as the reference has it; nil where there
    /// are none.
    var accuracy: Double? {
        predicted == 0 ? nil : Double(correct) / (Double(predicted) + 1)
    }

    /// The weighted sum of all terms' means.
    func loss(per counts: [String: [LossUnit: Int]]) -> Double {
        terms.reduce(0) { total, phase in
            phase.value.values.reduce(total) { sum, term in
                let count = counts[phase.key]?[term.unit] ?? 0
                return count > 0 ? sum + term.weighted / Double(count) : sum
            }
        }
    }

    /// Each term's mean, by its name.
    func means(per counts: [String: [LossUnit: Int]]) -> [String: Double] {
        var means: [String: Double] = [:]
        for (phase, names) in terms {
            for (name, term) in names {
                let count = counts[phase]?[term.unit] ?? 0
                if count > 0 { means[name] = term.sum / Double(count) }
            }
        }
        return means
    }
}

/// How many things the terms of each phase are means over.
struct UnitCounts: Codable, Equatable {
    private var byPhase: [String: [String: Int]] = [:]

    mutating func add(_ counts: [LossUnit: Int], in phase: String) {
        for (unit, count) in counts {
            byPhase[phase, default: [:]][unit.rawValue, default: 0] += count
        }
    }

    static func += (a: inout UnitCounts, b: UnitCounts) {
        for (phase, counts) in b.byPhase {
            a.byPhase[phase, default: [:]].merge(counts, uniquingKeysWith: +)
        }
    }

    /// All of them, by phase.
    var all: [String: [LossUnit: Int]] {
        byPhase.mapValues { counts in
            let known = counts.compactMap { name, count in
                LossUnit(rawValue: name).map { ($0, count) }
            }
            return Dictionary(known, uniquingKeysWith: +)
        }
    }
}
