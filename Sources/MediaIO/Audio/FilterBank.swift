internal import CSouthKernels
internal import Glibc

/// Kaldi's log-mel filter bank: frames of 25 ms every 10 ms, symmetric Hann window, pre-emphasis
/// 0.97 inside the frame, power spectrum, triangles on the mel scale, natural logarithm.
///
/// - Source: Kaldi `compute-fbank-feats` with `snip-edges`, no dither, no energy
package struct FilterBank {
    /// Samples of a frame, and from one frame to the next.
    package let (window, shift): (Int, Int)
    package let melBins: Int
    private let taper: [Float]
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
        taper = (0..<window).map { Float(0.5 - 0.5 * cos(turn * Double($0))) }
        func mel(_ frequency: Double) -> Double { 1127 * log(1 + frequency / 700) }
        let low = mel(20)
        let step = (mel(Double(sampleRate) / 2) - low) / Double(melBins + 1)
        // The last bin, at half the rate, takes no part.
        let mels = (0..<(size / 2)).map { mel(Double($0 * sampleRate) / Double(size)) }
        weights = (0..<melBins).map { bin in
            let left = low + Double(bin) * step
            let (center, right) = (left + step, left + 2 * step)
            let first = mels.firstIndex { $0 > left } ?? 0
            let inside = mels[first...].prefix { $0 < right }
            let values = inside.map {
                min(($0 - left) / (center - left), (right - $0) / (right - center))
            }
            return (values.isEmpty ? 0 : first, values)
        }
    }

    /// Frames of so many samples; what does not fill a window is left out.
    package func frames(_ samples: Int) -> Int {
        samples < window ? 0 : 1 + (samples - window) / shift
    }

    /// `[frames, melBins]`, row by row.
    package func callAsFunction(_ samples: [Float]) -> [Float] {
        let count = frames(samples.count)
        if count == 0 { return [] }
        let width = size / 2 + 1
        let bins = [Float](unsafeUninitializedCapacity: count * width * 2) { bins, length in
            south_real_fourier(count, size, windowed(samples, count), size, bins.baseAddress)
            length = count * width * 2
        }
        // One list of all triangles' weights.
        let triangles = weights.flatMap { $0.values.map { Float($0) } }
        var power = [Float](repeating: 0, count: width)
        return [Float](unsafeUninitializedCapacity: count * melBins) { result, length in
            for frame in 0..<count {
                let start = frame * width * 2
                for index in 0..<width {
                    let (re, im) = (bins[start + 2 * index], bins[start + 2 * index + 1])
                    power[index] = re * re + im * im
                }
                var next = 0
                for (bin, (first, values)) in weights.enumerated() {
                    var energy: Float = 0
                    for index in 0..<values.count {
                        energy += triangles[next + index] * power[first + index]
                    }
                    next += values.count
                    result[frame * melBins + bin] = log(max(energy, .ulpOfOne))
                }
            }
            length = count * melBins
        }
    }

    /// `[count, size]`: each frame without its mean, emphasised and tapered, zeros after.
    private func windowed(_ samples: [Float], _ count: Int) -> [Float] {
        var frames = [Float](repeating: 0, count: count * size)
        frames.withUnsafeMutableBufferPointer { frames in
            samples.withUnsafeBufferPointer { samples in
                for frame in 0..<count {
                    let (source, target) = (frame * shift, frame * size)
                    var sum = 0.0
                    for index in 0..<window { sum += Double(samples[source + index]) }
                    let mean = Float(sum / Double(window))
                    var before = samples[source] - mean
                    for index in 0..<window {
                        let value = samples[source + index] - mean
                        frames[target + index] = (value - 0.97 * before) * taper[index]
                        before = value
                    }
                }
            }
        }
        return frames
    }
}
