internal import Glibc

/// Changes a sampling rate by a windowed sinc, as torchaudio's `resample` with its defaults:
/// six zero crossings on each side, roll-off 0.99, Hann window.
package struct SincResampler {
    /// The rates over their greatest common divisor.
    private let (from, to): (Int, Int)
    /// Of each phase, where its first tap lies from the block's start, and its taps. Most of the
    /// taps that the formula has are zero and are not stored.
    private let phases: [(start: Int, taps: [Float])]

    package init(from oldRate: Int, to newRate: Int) {
        precondition(oldRate > 0 && newRate > 0, "SincResampler: \(oldRate) to \(newRate) Hz")
        let divisor = SincResampler.commonDivisor(oldRate, newRate)
        let (from, to) = (oldRate / divisor, newRate / divisor)
        (self.from, self.to) = (from, to)
        let crossings = 6.0
        let band = 0.99 * Double(min(from, to))
        let width = Int((crossings * Double(from) / band).rounded(.up))
        phases = (0..<to).map { phase in
            let center = Double(phase) / Double(to)
            // |t| < 6 bounds the taps that count.
            let reach = crossings * Double(from) / band
            let middle = center * Double(from)
            let first = max(-width, Int((middle - reach).rounded(.down)))
            let last = min(width + from - 1, Int((middle + reach).rounded(.up)))
            let taps = (first...last).map { index -> Float in
                let t = (Double(index) / Double(from) - center) * band
                guard abs(t) < crossings else { return 0 }
                let window = cos(.pi * t / (2 * crossings))
                let sinc = t == 0 ? 1 : sin(.pi * t) / (.pi * t)
                return Float(band / Double(from) * window * window * sinc)
            }
            return (first, taps)
        }
    }

    /// `⌈to · count / from⌉` samples; silence is assumed on both sides.
    package func callAsFunction(_ samples: [Float]) -> [Float] {
        let count = (to * samples.count + from - 1) / from
        return samples.withUnsafeBufferPointer { samples in
            (0..<count).map { index in
                let (block, phase) = index.quotientAndRemainder(dividingBy: to)
                let (start, taps) = phases[phase]
                let origin = block * from + start
                let range =
                    max(
                        0, -origin)..<max(
                        max(0, -origin), min(taps.count, samples.count - origin))
                var sum: Float = 0
                for tap in range { sum += taps[tap] * samples[origin + tap] }
                return sum
            }
        }
    }

    private static func commonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : commonDivisor(b, a % b)
    }
}

extension Waveform {
    /// The same sound at another rate.
    ///
    /// - Source: torchaudio `functional.resample`
    public func resampled(to newRate: Int) -> Waveform {
        if newRate == sampleRate { return self }
        let resample = SincResampler(from: sampleRate, to: newRate)
        return Waveform(sampleRate: newRate, channels: channels.map { resample($0) })
    }
}
