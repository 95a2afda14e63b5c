import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#endif

/// The pitch of one voice over time, by YIN.
///
/// Paper: de Cheveigné and Kawahara 2002, "YIN, a fundamental frequency estimator for speech and
/// music"; steps 1 to 5.
public struct PitchTracker: Sendable {
    /// Samples a second.
    public var sampleRate: Int
    /// The pitches that are looked for, in Hz.
    public var range: ClosedRange<Double>
    /// Seconds that are compared with what comes a period later.
    public var window: Double
    /// Seconds from one pitch to the next.
    public var hop: Double
    /// How unlike the next period may be, 0 to 1, for a period to be taken at once.
    public var threshold: Double
    /// How unlike the best one may be for there to be a pitch at all.
    public var limit: Double

    /// A tracker of melodies. Plucked strings fade within a period: the usual threshold of 0.1 to 0.15
    /// hears every fifth note of a banjo an octave too low.
    public init(
        sampleRate: Int, range: ClosedRange<Double> = 80...2000, window: Double = 0.04,
        hop: Double = 0.01, threshold: Double = 0.3, limit: Double = 0.5
    ) {
        (self.sampleRate, self.range, self.window) = (sampleRate, range, window)
        (self.hop, self.threshold, self.limit) = (hop, threshold, limit)
    }

    /// The pitch, in Hz, of every hop that a whole window and the longest period fit after; nil
    /// where there is none.
    public func pitches(of samples: [Float]) -> [Double?] {
        let rate = Double(sampleRate)
        let lags =
            max(2, Int(rate / range.upperBound))...Int((rate / range.lowerBound).rounded(.up))
        let (width, step) = (Int(window * rate), max(1, Int(hop * rate)))
        guard width > 0, lags.upperBound > lags.lowerBound else { return [] }
        let last = samples.count - width - lags.upperBound - 1
        guard last >= 0 else { return [] }
        return stride(from: 0, through: last, by: step).map { start in
            period(of: samples, from: start, width: width, lags: lags).map { rate / $0 }
        }
    }

    /// The period in samples, between samples by a parabola.
    private func period(
        of samples: [Float], from start: Int, width: Int, lags: ClosedRange<Int>
    ) -> Double? {
        let energy = (0..<width).reduce(Float(0)) { $0 + samples[start + $1] * samples[start + $1] }
        guard energy > 1e-6 * Float(width) else { return nil }
        // The difference over its own mean up to there, d′(τ); d′(0) is 1.
        var (unlike, differences) = ([1.0], [0.0])
        var sum = 0.0
        for lag in 1...(lags.upperBound + 1) {
            var difference: Float = 0
            for index in start..<(start + width) {
                let step = samples[index] - samples[index + lag]
                difference += step * step
            }
            sum += Double(difference)
            differences.append(Double(difference))
            unlike.append(sum > 0 ? Double(difference) * Double(lag) / sum : 1)
        }
        var best = lags.min { unlike[$0] < unlike[$1] } ?? lags.lowerBound
        if var first = lags.first(where: { unlike[$0] < threshold }) {
            while first < lags.upperBound, unlike[first + 1] < unlike[first] { first += 1 }
            best = first
        }
        guard unlike[best] < limit else { return nil }
        // The plain differences: d′ leans to one side.
        let (before, here, after) = (
            differences[best - 1], differences[best], differences[best + 1]
        )
        let bend = before - 2 * here + after
        let shift = bend > 0 ? 0.5 * (before - after) / bend : 0
        return Double(best) + max(-1, min(1, shift))
    }
}
