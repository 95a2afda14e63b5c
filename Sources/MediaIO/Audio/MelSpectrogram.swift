internal import Glibc
public import TensorCore

/// The log-mel spectrogram that AudioLDM's autoencoder and vocoder know: magnitudes of centred
/// frames under a Hann window, triangles on Slaney's mel scale with equal areas, natural logarithm.
///
/// - Source: AudioLDM `TacotronSTFT`; librosa `filters.mel`
public struct MelSpectrogram: Codable, Equatable, Sendable {
    /// Samples a second.
    public var sampleRate: Int
    /// Rows of the spectrogram.
    public var melBins: Int
    /// Samples of a frame.
    public var window: Int
    /// Samples from one frame to the next.
    public var hop: Int
    /// The lowest and the highest frequency of the triangles, in Hz.
    public var lowestFrequency: Double
    public var highestFrequency: Double

    /// The published transform; small vocoders differ.
    public init(
        sampleRate: Int = 16_000, melBins: Int = 64, window: Int = 1024, hop: Int = 160,
        lowestFrequency: Double = 0, highestFrequency: Double = 8000
    ) {
        (self.sampleRate, self.melBins) = (sampleRate, melBins)
        (self.window, self.hop) = (window, hop)
        (self.lowestFrequency, self.highestFrequency) = (lowestFrequency, highestFrequency)
    }

    /// What is not above it counts as it.
    private static let floor: Float = 1e-5

    /// Spectrograms of sounds; gradients pass.
    ///
    /// - Shapes: `[batch, samples]` in [−1, 1], more samples than half a frame →
    ///   `[batch, samples / hop + 1, melBins]`
    public func callAsFunction(_ sounds: Tensor) -> Tensor {
        precondition(
            sounds.rank == 2 && sounds.shape[1] > window / 2,
            "MelSpectrogram: sounds \(sounds.shape) for frames of \(window)")
        let spectra = sounds.shortTimeFourierTransform(
            window, hop: hop, window: .hannWindow(window, device: sounds.device))
        // The root of a bin without energy would have no slope.
        let magnitudes = spectra.squared().sum([-1]).clamped(to: 1e-14...Float.infinity)
            .squareRoot().transposed()
        return magnitudes.linear(filters.on(sounds.device))
            .clamped(to: MelSpectrogram.floor...Float.infinity).log()
    }

    /// The triangles: `[melBins, window / 2 + 1]`.
    package var filters: Tensor {
        let bins = window / 2 + 1
        let (low, high) = (mel(lowestFrequency), mel(highestFrequency))
        let corners = (0...(melBins + 1)).map { index in
            frequency(low + (high - low) * Double(index) / Double(melBins + 1))
        }
        var values: [Float] = []
        for band in 0..<melBins {
            let (left, center, right) = (corners[band], corners[band + 1], corners[band + 2])
            for bin in 0..<bins {
                let place = Double(bin) * Double(sampleRate) / Double(window)
                let rising = (place - left) / (center - left)
                let falling = (right - place) / (right - center)
                values.append(Float(max(0, min(rising, falling)) * 2 / (right - left)))
            }
        }
        return Tensor(values, [melBins, bins])
    }

    // Slaney's scale: linear up to 1 kHz, 15 mels there, then 27 mels for a factor of 6.4.
    private func mel(_ frequency: Double) -> Double {
        frequency < 1000 ? frequency * 3 / 200 : 15 + log(frequency / 1000) * 27 / log(6.4)
    }

    private func frequency(_ mel: Double) -> Double {
        mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27)
    }
}

extension Waveform {
    /// A mono sound of `samples` samples at a rate, as AudioLDM prepares its training set: without
    /// its mean, the loudest sample at one half; cut, or filled with silence, at the end.
    ///
    /// - Shapes: → `[samples]`
    /// - Source: AudioLDM `normalize_wav`
    package func prepared(sampleRate: Int, samples: Int) -> [Float] {
        let sound = resampled(to: sampleRate)
        var mono = [Float](repeating: 0, count: sound.count)
        for channel in sound.channels {
            for index in mono.indices { mono[index] += channel[index] }
        }
        let scale = 1 / Float(sound.channels.count)
        let mean = Float(mono.reduce(0.0) { $0 + Double($1) } / Double(max(mono.count, 1)))
        for index in mono.indices { mono[index] = mono[index] * scale - mean * scale }
        let peak = mono.reduce(0) { max($0, abs($1)) }
        let gain = 0.5 / (peak + 1e-8)
        let kept = mono.prefix(samples).map { $0 * gain }
        return kept + [Float](repeating: 0, count: samples - kept.count)
    }
}
