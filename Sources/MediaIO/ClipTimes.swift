/// How the clips of a recording are spread over it.
public enum ClipSpacing: String, Codable, Sendable {
    /// Clip `i` of `n` starts at `i/n` of what a clip can be moved by (pytorchvideo 0.1.5).
    case even
    /// Clip `i` starts at `i/(n − 1)` of it, so the last ends with the recording (later releases).
    case toTheEnd
}

/// The moments at which the clips of a recording begin and end, as exact fractions: whether a
/// frame belongs to a clip must not hang on the last bit of a product.
///
/// - Source: pytorchvideo, `ConstantClipsPerVideoSampler`
package struct ClipTimes {
    /// Times in units of 2⁻⁵² s, yet to be divided by `divisor`.
    private let starts: [UInt128]
    private let length: UInt128
    private let divisor: UInt128
    private static let fractionBits: UInt128 = 52

    /// - Parameters:
    ///   - duration: of the recording, in seconds, below 2²⁰
    ///   - seconds: of a clip
    package init(duration: Double, clips: Int, seconds: Double, spacing: ClipSpacing = .even) {
        precondition(
            clips > 0 && clips < 1 << 20 && seconds > 0 && seconds < 0x1p20
                && duration >= 0 && duration < 0x1p20,
            "ClipTimes: \(clips) of \(seconds) s in \(duration) s")
        let slack: Double = max(duration - seconds, 0)
        let span = UInt128(slack * 0x1p52)
        let divisor = UInt128(spacing == .even ? clips : max(clips - 1, 1))
        self.divisor = divisor
        length = UInt128(seconds * 0x1p52) * divisor
        starts = (0..<clips).map { UInt128($0) * span }
    }

    /// The clips as whole steps of `rate` a second, rounded down: samples of a sound.
    package func samples(rate: Int) -> [Range<Int>] {
        func index(_ time: UInt128) -> Int {
            Int((time * UInt128(rate) / divisor) >> ClipTimes.fractionBits)
        }
        return starts.map { index($0)..<index($0 + length) }
    }

    /// The clips as frames of a video of `count` frames, rounded up, cut at its end; empty where a
    /// clip holds none.
    package func frames(rate: Double, count: Int) -> [Range<Int>] {
        func index(_ time: UInt128) -> Int {
            Int(min((rate * seconds(time)).rounded(.up), Double(count)))
        }
        return starts.map { index($0)..<index($0 + length) }
    }

    /// The nearest `Double`, ties to even. The sum of all digits below is kept in one sticky bit.
    private func seconds(_ time: UInt128) -> Double {
        let shifted = time << 30
        let (quotient, remainder) = shifted.quotientAndRemainder(dividingBy: divisor)
        let nearest = Double(remainder == 0 ? quotient : quotient | 1)
        return nearest * 0x1p-82
    }
}

/// Indices of `kept` of `count` frames, the first and the last among them, spread as torch's
/// `linspace` in float32, truncated.
///
/// - Source: pytorchvideo, `UniformTemporalSubsample`
package func uniformIndices(_ kept: Int, of count: Int) -> [Int] {
    let last = Float(count - 1)
    let step = kept > 1 ? last / Float(kept - 1) : 0
    return (0..<kept).map { index in
        let value =
            index < kept / 2 || kept == 1
            ? step * Float(index) : last - step * Float(kept - 1 - index)
        return min(max(Int(value), 0), count - 1)
    }
}
