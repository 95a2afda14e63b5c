/// How fast a run goes: by the clock on the wall, from the end of one step to the end of the next,
/// with the waits for data, the evaluations and the checkpoints between them.
package struct Pace {
    private struct Step {
        let samples: Int
        let tokens: Int
        let seconds: Double
    }

    private var last: [Step] = []
    private let window: Int
    private var end: ContinuousClock.Instant?

    /// - Parameter window: steps that are looked back on
    package init(window: Int) {
        precondition(window > 0, "Pace: a window of \(window)")
        self.window = window
    }

    /// Looks back on as many steps as it takes to have evaluations and checkpoints by their share.
    init(_ config: RunConfig) {
        self.init(window: min(max(20, config.evaluateEvery, config.saveEvery), 1000))
    }

    /// The clock starts.
    package mutating func begin(at time: ContinuousClock.Instant = .now) { end = time }

    /// A step has ended.
    package mutating func end(
        samples: Int, tokens: Int, at time: ContinuousClock.Instant = .now
    ) {
        let start = end ?? time
        end = time
        last.append(
            Step(samples: samples, tokens: tokens, seconds: start.duration(to: time).seconds))
        if last.count > window { last.removeFirst() }
    }

    /// Of the last step and all before it since the one before ended.
    package var lastSeconds: Double { last.last?.seconds ?? 0 }
    package var secondsPerStep: Double { last.isEmpty ? 0 : seconds / Double(last.count) }
    package var samplesPerSecond: Double { rate(\.samples) }
    package var tokensPerSecond: Double { rate(\.tokens) }

    private var seconds: Double { last.reduce(0) { $0 + $1.seconds } }

    private func rate(_ count: KeyPath<Step, Int>) -> Double {
        let seconds = seconds
        return seconds > 0 ? Double(last.reduce(0) { $0 + $1[keyPath: count] }) / seconds : 0
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
