import FoundationEssentials
import TensorCore

#if canImport(Glibc)
    import Glibc
#endif

/// Where notes begin in a sound: how much louder its frequencies have become, all together, than
/// they were a moment before.
///
/// - Source: Bello et al. 2005, "A tutorial on onset detection in music signals": spectral flux of
///   compressed magnitudes
public struct NoteOnsets: Sendable {
    /// Samples a second.
    public let sampleRate: Int
    /// Seconds from one number to the next.
    public let hop: Double
    /// The flux at each hop, 0 or more.
    public let flux: [Float]

    /// Measures a sound of one frame or more.
    public init(of samples: [Float], sampleRate: Int) {
        let (window, step) = (sampleRate * 32 / 1000, max(1, sampleRate * 5 / 1000))
        (self.sampleRate, hop) = (sampleRate, Double(step) / Double(sampleRate))
        guard samples.count > window / 2 else {
            flux = []
            return
        }
        let spectra = Tensor(samples, [1, samples.count]).shortTimeFourierTransform(
            window, hop: step, window: .hannWindow(window, device: .cpu))
        // Compressed: soft notes begin too.
        let levels = ((spectra.squared().sum([-1]).squareRoot()) * 10 + 1).log()
        let (bins, frames) = (levels.shape[1], levels.shape[2])
        let values = levels.floats()
        let lag = 4
        flux = (0..<frames).map { frame in
            guard frame >= lag else { return 0 }
            return (0..<bins).reduce(Float(0)) { sum, bin in
                let row = bin * frames
                return sum + max(0, values[row + frame] - values[row + frame - lag])
            }
        }
    }

    /// How strongly a note begins within a tenth of a second from a time on, above what is usual.
    public func strength(at time: Double) -> Float {
        let first = max(0, Int(time / hop) - 1)
        let last = min(flux.count, Int((time + 0.1) / hop) + 2)
        guard first < last else { return 0 }
        return (flux[first..<last].max() ?? 0) - usual
    }

    /// When notes begin, in seconds: where the flux is the highest within 30 ms, and stands out from
    /// what it is within an eighth of a second by a fifth of the highest there is.
    public var times: [Double] {
        let highest = flux.max() ?? 0
        guard highest > 0 else { return [] }
        func around(_ place: Int, _ seconds: Double) -> ArraySlice<Float> {
            let reach = Int((seconds / hop).rounded())
            return flux[max(0, place - reach)...min(flux.count - 1, place + reach)]
        }
        var times: [Double] = []
        for (place, value) in flux.enumerated() {
            let near = around(place, 0.12)
            let mean = near.reduce(0, +) / Float(near.count)
            guard value > 0, value == around(place, 0.03).max(), value >= mean + 0.2 * highest,
                times.last.map({ Double(place) * hop - $0 >= 0.08 }) ?? true
            else { continue }
            times.append(Double(place) * hop)
        }
        return times
    }

    private var usual: Float {
        let sorted = flux.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}

/// How well beginnings of notes agree with others: the harmonic mean of the shares of both that have
/// a partner of their own within a window; 0 where either are none.
///
/// - Parameters: ascending times in seconds
/// - Source: the package mir_eval, `onset.f_measure`
public func onsetAgreement(
    _ estimated: [Double], with reference: [Double], window: Double = 0.05
) -> Double {
    var (matched, next) = (0, 0)
    // Of points on a line, taking the earliest partner that is left matches the most.
    for time in reference {
        while next < estimated.count, estimated[next] < time - window { next += 1 }
        guard next < estimated.count, estimated[next] <= time + window else { continue }
        matched += 1
        next += 1
    }
    guard matched > 0 else { return 0 }
    let (precision, recall) = (
        Double(matched) / Double(estimated.count), Double(matched) / Double(reference.count)
    )
    return 2 * precision * recall / (precision + recall)
}

extension MelodyTempo {
    /// The tempo of a melody of four or eight notes of one length: it is fast where notes begin
    /// halfway between the four as they do at them. Nil for silence.
    public init?(of onsets: NoteOnsets, seconds: Double) {
        func middle(_ eighths: [Int]) -> Float {
            let strengths = eighths.map { onsets.strength(at: Double($0) * seconds / 8) }.sorted()
            let half = strengths.count / 2
            return strengths.count.isMultiple(of: 2)
                ? (strengths[half - 1] + strengths[half]) / 2 : strengths[half]
        }
        // The first note may begin before the sound does.
        let (on, between) = (middle([2, 4, 6]), middle([1, 3, 5, 7]))
        guard on > 0 || between > 0 else { return nil }
        self = between > 0.58 * on ? .fast : .slow
    }
}
