import MediaIO
import ModelZoo
import TensorCore

extension JudgeConfig {
    /// A file as the network takes it.
    ///
    /// - Shapes: → `[frames, channels, height, width]`; pictures in [−1, 1], the logarithms of a
    ///   spectrogram about zero
    /// - Throws: `MediaError`
    func input(_ path: String) throws -> Tensor {
        switch modality {
        case .image: return try RGBImage(contentsOf: path).planes(size).unsqueezed(0)
        case .video:
            let video = try VideoFile(contentsOf: path)
            let places = uniformIndices(frames, of: video.frameCount)
            return Tensor.stack(try video.frames(places).map { $0.planes(size) })
        case .audio:
            let samples = try Waveform(contentsOf: path).prepared(
                sampleRate: mel.sampleRate, samples: Int(seconds * Double(mel.sampleRate)))
            let spectrogram = mel(Tensor(samples, [1, samples.count])).sliced(1, 0..<melFrames)
            // From silence, ln 1e−5, to the loudest there is.
            return (spectrogram.unsqueezed(0) + 5) * 0.2
        }
    }
}

extension RGBImage {
    /// The middle square as numbers in [−1, 1]: `[3, size, size]`.
    fileprivate func planes(_ size: Int) -> Tensor {
        let square = width == size && height == size ? self : resizedAndCut(size)
        let interleaved = Tensor(
            square.pixels.map { Float($0) / 127.5 - 1 }, [size, size, 3])
        return interleaved.permuted(2, 0, 1).dense()
    }
}
