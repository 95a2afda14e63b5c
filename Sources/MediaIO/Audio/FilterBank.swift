internal import Glibc
internal import TensorCore

/// Kaldi's log-mel filter bank: frames of 25 ms every 10 ms, symmetric Hann window, pre-emphasis
/// 0.97 inside the frame, power spectrum, triangles on the mel scale, natural logarithm.
///
/// - Source: Kaldi `compute-fbank-feats` with `snip-edges`, no dither, no energy
package struct FilterBank {
    /// Samples of a frame, and from one frame to the next.
    package let (window, shift): (Int, Int)
    package let melBins: Int
    private let taper: [Double]
    /// Numbers of one transform: the power of two that a frame fits in.
    private let size: Int
    /// Of each mel bin, its first spectral bin and the weights from there.
    package let weights: [(start: Int, values: [Double])]

    package init(sampleRate: Int, melBins: Int) {
        precondition(
            sampleRate >= 400 && melBins > 0, "FilterBank: \(melBins) bins at \(sampleRate) Hz")
        window = sampleRate * 25 / 1000
        shift = sampleRate / 100
        self.melBins = melBins
        var size = 2
        while size < window { size *= 2 }
        self.size = size
        let turn = 2 * Double.pi / Double(window - 1)
        taper = (0..<window).map { 0.5 - 0.5 * cos(turn * Double($0)) }
        func mel(_ frequency: Double) -> Double { 1127 * log(1 + frequency / 700) }
        let low = mel(20)
        let step = (mel(Double(sampleRate) / 2) - low) / Double(melBins + 1)
        // The last bin, at half the rate, takes no part.
        let mels = (0..<(size / 2)).map { mel(Double($0 * sampleRate) / Double(size)) }
        weights = (0..<melBins).map { bin in
            let left = low + Double(bin) * step
            let (center, right) = (left + step, left + 2 * step)
            let inside = mels.indices.filter { mels[$0] > left && mels[$0] < right }
            let values = inside.map {
                min((mels[$0] - left) / (center - left), (right - mels[$0]) / (right - center))
            }
            return (inside.first ?? 0, values)
        }
    }

    /// Frames of so many samples; what does not fill a window is left out.
    package func frames(_ samples: Int) -> Int {
        samples < window ? 0 : 1 + (samples - window) / shift
    }

    /// `[frames][melBins]`.
    package func callAsFunction(_ samples: [Float]) -> [[Float]] {
        let count = frames(samples.count)
        if count == 0 { return [] }
        let windows = (0..<count).flatMap { frame in
            windowed(samples[(frame * shift)..<(frame * shift + window)])
        }
        let bins = Tensor(windows, [count, size]).realFourierTransform()
        let power = bins.squared().sum([-1]).floats()
        let width = size / 2 + 1
        return (0..<count).map { frame in
            weights.map { start, values in
                var energy = 0.0
                for (index, weight) in values.enumerated() {
                    energy += weight * Double(power[frame * width + start + index])
                }
                return Float(log(max(energy, Double(Float.ulpOfOne))))
            }
        }
    }

    private func windowed(_ samples: ArraySlice<Float>) -> [Float] {
        var frame = samples.map(Double.init)
        let mean = frame.reduce(0, +) / Double(window)
        for index in frame.indices { frame[index] -= mean }
        for index in frame.indices.reversed() {
            frame[index] -= 0.97 * frame[max(index - 1, 0)]
        }
        for index in frame.indices { frame[index] *= taper[index] }
        return frame.map { Float($0) } + [Float](repeating: 0, count: size - window)
    }
}
