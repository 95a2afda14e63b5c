package import MediaIO
package import ModelZoo
package import TensorCore

// From files and generated media to what ImageBind's towers take, as its configuration says.

extension MultimodalModel {
    /// A file that someone hands in as its tower's input, a batch of one: seen as it is shown.
    ///
    /// - Throws: `MediaError`
    package func encoderInput(_ file: MediumFile) throws -> Tensor {
        try encoder.config.input(file.path, file.modality, orientation: .shown).unsqueezed(0)
    }

    /// A generated medium as its tower's input, as if it had been written and read again.
    ///
    /// - Throws: `MediaError.tooShort` for a sound of less than one window
    func encoderInput(_ medium: GeneratedMedium) throws -> Tensor {
        let content = medium.content
        let input =
            switch medium.modality {
            case .image: imageBindImage(RGBImage(content), encoder.config.imageTransform)
            case .audio:
                try imageBindAudio(
                    Waveform(sampleRate: medium.sampleRate, channels: [content.floats()]),
                    encoder.config.audioTransform)
            case .video:
                imageBindVideo(
                    content, framesPerSecond: Double(medium.framesPerSecond),
                    encoder.config.videoTransform)
            }
        return input.unsqueezed(0)
    }
}

extension ImageBindConfig {
    /// A file as one sample of its tower's input: `[3, size, size]` for images, and the views of
    /// clips and sounds.
    ///
    /// - Parameter orientation: training sees pixels as they are stored, like the original
    /// - Throws: `MediaError`
    package func input(
        _ path: String, _ modality: Modality, orientation: MediaOrientation = .stored
    ) throws -> Tensor {
        switch modality {
        case .image: try imageBindImage(path, imageTransform, orientation: orientation)
        case .audio: try imageBindAudio(path, audioTransform)
        case .video: try imageBindVideo(path, videoTransform, orientation: orientation)
        }
    }

    fileprivate var imageTransform: ImageTransformConfig {
        ImageTransformConfig(size: vision.imageSize)
    }

    fileprivate var audioTransform: AudioTransformConfig {
        AudioTransformConfig(
            clips: audio.clips, seconds: audio.secondsPerClip, melBins: audio.melBins,
            frames: audio.frames, sampleRate: audio.sampleRate, mean: audio.mean,
            std: audio.deviation)
    }

    fileprivate var videoTransform: VideoTransformConfig {
        VideoTransformConfig(
            clips: vision.clips, seconds: vision.secondsPerClip,
            framesPerClip: vision.framesPerClip, size: vision.imageSize)
    }
}
