internal import CSouthKernels
internal import Glibc

/// Changes a sampling rate by a windowed sinc, as torchaudio's `resample` with its defaults:
/// six zero crossings on each side, roll-off 0.99, Hann window.
package struct SincResampler {
    /// The rates over their greatest common divisor.
    private let (from, to): (Int, Int)
    /// Samples before the first that its results reach back to.
    private let reach: Int
    /// Where the taps of each phase begin, `reach` samples before the block's start, and how many
    /// there are: a multiple of 16. Most of the taps that the formula has are zero and are left
    /// out.
    private let starts: [Int32]
    private let taps: Int
    /// `[to, taps]`
    private let weights: [Float]

    package init(from oldRate: Int, to newRate: Int) {
        precondition(oldRate > 0 && newRate > 0, "SincResampler: \(oldRate) to \(newRate) Hz")
        let divisor = SincResampler.commonDivisor(oldRate, newRate)
        let (from, to) = (oldRate / divisor, newRate / divisor)
        (self.from, self.to) = (from, to)
        let crossings = 6.0
        let band = 0.99 * Double(min(from, to))
        let width = Int((crossings * Double(from) / band).rounded(.up))
        reach = width
        // |t| < 6 bounds the taps that count.
        let half = crossings * Double(from) / band
        let taps = (2 * Int(half.rounded(.up)) + 3 + 15) / 16 * 16
        self.taps = taps
        var starts: [Int32] = []
        starts.reserveCapacity(to)
        weights = [Float](unsafeUninitializedCapacity: to * taps) { weights, count in
            weights.initialize(repeating: 0)
            for phase in 0..<to {
                let center = Double(phase) / Double(to)
                let middle = center * Double(from)
                let first = max(-width, Int((middle - half).rounded(.down)))
                let last = min(width + from - 1, Int((middle + half).rounded(.up)))
                starts.append(Int32(first + width))
                for index in first...last {
                    let t = (Double(index) / Double(from) - center) * band
                    guard abs(t) < crossings else { continue }
                    let window = cos(.pi * t / (2 * crossings))
                    let sinc = t == 0 ? 1 : sin(.pi * t) / (.pi * t)
                    let weight = band / Double(from) * window * window * sinc
                    weights[phase * taps + index - first] = Float(weight)
                }
            }
            count = to * taps
        }
        self.starts = starts
    }

    /// Results for so many samples.
    package func count(_ samples: Int) -> Int { (to * samples + from - 1) / from }

    /// `⌈to · count / from⌉` samples, or those of them in `range`; silence is assumed on both
    /// sides.
    package func callAsFunction(_ samples: [Float], range: Range<Int>? = nil) -> [Float] {
        let range = range ?? 0..<count(samples.count)
        precondition(
            range.lowerBound >= 0 && range.upperBound <= count(samples.count),
            "SincResampler: \(range) of \(count(samples.count))")
        if range.isEmpty { return [] }
        // The blocks that hold the range, with what their taps reach on both sides.
        let firstBlock = range.lowerBound / to
        let blocks = (range.upperBound - 1) / to - firstBlock + 1
        let start = firstBlock * from - reach
        let length = blocks * from + 2 * reach + taps
        var padded = [Float](repeating: 0, count: length)
        let (low, high) = (max(start, 0), min(start + length, samples.count))
        if low < high {
            padded.replaceSubrange((low - start)..<(high - start), with: samples[low..<high])
        }
        return [Float](unsafeUninitializedCapacity: range.count) { result, count in
            south_resample_phases(
                padded, to, from, taps, starts, weights, range.lowerBound - firstBlock * to,
                range.count, result.baseAddress)
            count = range.count
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
