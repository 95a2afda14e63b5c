import DataPipeline
import Foundation
import MediaIO
import ModelZoo
import TensorCore
import TestSupport
import Training

/// A few media with captions, in a folder that is removed in the end.
struct PretrainingSamples {
    let folder: String

    var captions = [
        "a red square on the left", "a blue square on the right", "a green wide stripe",
        "a grey ground alone",
    ]

    /// Pictures of 16² pixels, one colour for each caption.
    func images() throws -> DialogueDataset {
        try dataset(.imageToText, "image_name", "png") { index, path in
            try writePNG(picture(index, shift: 0), to: path)
        }
    }

    /// Tones of a quarter of a second at 1600 Hz.
    func sounds() throws -> DialogueDataset {
        try dataset(.audioToText, "audio_name", "wav") { index, path in
            let samples = (0..<400).map { sample in
                0.4 * sinf(Float(sample) * Float(index + 1) * 0.19)
            }
            try writeWAV(Tensor(samples), to: path, sampleRate: 1600)
        }
    }

    /// Clips of four frames, in which the square moves.
    func clips() throws -> DialogueDataset {
        try dataset(.videoToText, "video_name", "mp4") { index, path in
            let frames = (0..<4).map { picture(index, shift: $0) }
            try writeMP4(.stack(frames), to: path, framesPerSecond: 4)
        }
    }

    private func picture(_ index: Int, shift: Int) -> Tensor {
        var values = [Float](repeating: 0.2, count: 3 * 256)
        for row in 4..<12 {
            for column in 2..<8 {
                let place = row * 16 + (column + (index % 2) * 6 + shift) % 16
                values[(index % 3) * 256 + place] = 0.9
            }
        }
        return Tensor(values, [3, 16, 16])
    }

    private func dataset(
        _ type: DatasetType, _ key: String, _ ending: String, _ write: (Int, String) throws -> Void
    ) throws -> DialogueDataset {
        let media = "\(folder)/\(ending)"
        try FileManager.default.createDirectory(
            atPath: media, withIntermediateDirectories: true)
        var records: [[String: String]] = []
        for (index, caption) in captions.enumerated() {
            try write(index, "\(media)/\(index).\(ending)")
            records.append(["caption": caption, key: "\(index).\(ending)"])
        }
        let file = "\(folder)/\(ending).json"
        try JSONEncoder().encode(records).write(to: URL(filePath: file))
        return try DialogueDataset(
            DatasetEntry(
                name: ending, format: .pair, type: type, dataPath: file, mediaRoot: media))
    }
}

extension DialogueDataset {
    var samples: [DialogueSample] {
        get throws { try (0..<count).map(sample) }
    }
}

/// Takes steps of AdamW on the same samples; the losses of each phase by step.
func train<Task: TrainingTask>(
    _ task: Task, on samples: [DialogueSample], steps: Int, rate: Double
) throws -> [[Float]] {
    let items = try samples.compactMap(task.prepare)
    var config = OptimizerConfig()
    (config.beta2, config.weightDecay) = (0.99, 0)
    let optimizers = try task.phases.map {
        try PhaseOptimizer($0, config, communicator: Communicator(environment: [:]))
    }
    var losses = task.phases.map { _ in [Float]() }
    for step in 0..<steps {
        let moment = TrainingMoment(seed: 3, step: step)
        for phase in task.phases.indices {
            let total = try withGradients {
                try task.loss(of: items, in: phase, at: moment)
                    .total(per: task.counts(of: items, in: phase)) ?? Tensor(0)
            }
            losses[phase].append(total.item())
            try optimizers[phase].accumulate(total, isLast: true)
            _ = try optimizers[phase].step(rate: rate, clip: nil)
        }
        task.didStep(moment)
    }
    return losses
}

/// The mean loss of the same samples at moments that no training has seen: where each step draws its
/// own noise and timesteps, losses of single steps say little.
func meanLoss<Task: TrainingTask>(
    _ task: Task, on samples: [DialogueSample], moments: Int = 16
) throws -> Float {
    let items = try samples.compactMap(task.prepare)
    let losses = try (0..<moments).map { step in
        try task.loss(of: items, in: 0, at: TrainingMoment(seed: 9, step: step))
            .total(per: task.counts(of: items, in: 0))?.item() ?? .nan
    }
    return losses.reduce(0, +) / Float(moments)
}

/// The largest difference of any phase's loss of a batch and the sum of its samples' losses, each at
/// its place, relative to the former.
func differenceWhenSplit<Task: TrainingTask>(
    _ task: Task, _ samples: [DialogueSample]
) throws -> Float {
    let items = try samples.compactMap(task.prepare)
    return try task.phases.indices.map { phase in
        let counts = task.counts(of: items, in: phase)
        func loss(_ items: [Task.Item], from first: Int) throws -> Float {
            let moment = TrainingMoment(seed: 5, step: 2, firstSample: first)
            return try task.loss(of: items, in: phase, at: moment).total(per: counts)?.item()
                ?? .nan
        }
        let whole = try loss(items, from: 0)
        let parts = try items.indices.map { try loss([items[$0]], from: $0) }
        return abs(whole - parts.reduce(0, +)) / abs(whole)
    }.max() ?? .nan
}

extension [Float] {
    /// The mean of the last few over that of the first few.
    var decline: Float { suffix(4).reduce(0, +) / prefix(4).reduce(0, +) }
}

let tinyMel = MelSpectrogram(
    sampleRate: 1600, melBins: 8, window: 64, hop: 10, lowestFrequency: 0, highestFrequency: 800)

/// Sizes of networks that learn a few samples within a second.
enum TinySizes {
    static func autoencoder(channels: Int) -> AutoencoderKLConfig {
        var config = AutoencoderKLConfig(
            channels: channels, latentChannels: 4, blockOutChannels: [8, 16])
        config.normNumGroups = 4
        config.sampleSize = 16
        return config
    }

    static func unet(_ modality: Modality) -> UNetConfig {
        let suffix = modality == .video ? "3D" : "2D"
        let widths = modality == .video ? [32, 32] : [16, 32]
        var config = UNetConfig(
            inChannels: 4, outChannels: 4, blockOutChannels: widths,
            downBlockTypes: ["CrossAttnDownBlock\(suffix)", "DownBlock\(suffix)"],
            upBlockTypes: ["UpBlock\(suffix)", "CrossAttnUpBlock\(suffix)"])
        (config.layersPerBlock, config.normNumGroups) = (1, 8)
        config.attentionHeadDim = modality == .video ? 16 : 2
        config.sampleSize = 8
        if modality == .audio {
            config.classEmbedType = "simple_projection"
            config.classEmbeddingsConcat = true
            config.projectionClassEmbeddingsInputDim = 12
            config.crossAttentionDim = .each(widths)
        } else {
            config.crossAttentionDim = 12
        }
        return config
    }
}
