import Diffusion
import Foundation
import ModelZoo
public import TensorCore

/// One pass of a published decoder's network at its full size: what `southgpt-bench diffusion` times.
///
/// Encoded as JSON it is what the peer's script is told to time.
public struct DiffusionCase: Codable, Equatable, Sendable {
    /// What is computed, with the published sizes.
    public enum Part: String, Codable, Sendable, CaseIterable {
        /// Stable Diffusion 1.5's UNet, both branches of guidance, 64×64 latents.
        case imageUNet
        /// Its VAE, 64×64 latents to 512×512 pixels.
        case imageVAE
        /// AudioLDM l-full's UNet, both branches, ten seconds.
        case soundUNet
        /// Its VAE and its vocoder, ten seconds.
        case soundVAE, vocoder
        /// ZeroScope's UNet, one branch, 8 frames of 256×256 pixels.
        case videoUNet
    }

    /// The name, unique among the cases.
    public let name: String
    /// What is computed.
    public let part: Part
    /// The type that the weights are stored in; where it is one of blocks, matrices are, and all
    /// else is bfloat16.
    public let weights: DType

    /// Every case, in the order of the table.
    public static let all: [DiffusionCase] = Part.allCases.flatMap { part in
        [DType.float32, .bfloat16, .q8_0].map { DiffusionCase(part, $0) }
    }

    init(_ part: Part, _ weights: DType) {
        let title =
            switch part {
            case .imageUNet: "SD 1.5 UNet, batch 2, 64²"
            case .imageVAE: "SD 1.5 VAE decode, 512²"
            case .soundUNet: "AudioLDM UNet, batch 2, 10 s"
            case .soundVAE: "AudioLDM VAE decode, 10 s"
            case .vocoder: "AudioLDM vocoder, 10 s"
            case .videoUNet: "ZeroScope UNet, 8 frames 256²"
            }
        (name, self.part, self.weights) = ("\(title), \(weights.rawValue)", part, weights)
    }

    /// The pass, its weights made and its input fixed.
    func prepared() throws -> () -> Void {
        let shapes = Weights.shapesOnly()
        _ = try pass(from: shapes)
        let drawn = shapes.parameters.map { parameter in
            let shape = parameter.value.shape
            return StoredTensor(
                name: parameter.name, dtype: .float32, shape: shape, file: "random"
            ) {
                // Small, so that none of many layers grows without end.
                let inputs = shape.dropFirst().reduce(1, *)
                let value = uneven(shape, .cpu) * (1 / Float(inputs).squareRoot())
                return weights == .float32 ? value.owned() : value
            }
        }
        let checkpoint = try Checkpoint(file: "random", tensors: drawn)
        let pass = try pass(from: Weights(checkpoint.held(as: weights)))
        TensorMemory.releaseCached()
        return pass
    }

    private func pass(from view: Weights) throws -> () -> Void {
        let config = try DecoderConfig.published(modality)
        switch part {
        case .imageUNet:
            let unet = try UNet(config.unet, from: view)
            let (latents, text) = (
                uneven([2, 4, 64, 64], .cpu), uneven([2, 77, 768], .cpu)
            )
            return { _ = unet(latents, timestep: 500, context: text) }
        case .soundUNet:
            let unet = try UNet(config.unet, from: view)
            let (latents, label) = (uneven([2, 8, 250, 16], .cpu), uneven([2, 512], .cpu))
            return { _ = unet(latents, timestep: 500, classLabels: label) }
        case .videoUNet:
            let unet = try UNet(config.unet, from: view)
            let (latents, text) = (
                uneven([1, 4, 8, 32, 32], .cpu), uneven([1, 77, 1024], .cpu)
            )
            return { _ = unet(latents, timestep: 500, context: text) }
        case .imageVAE:
            let vae = try AutoencoderKL(config.vae, from: view)
            let latents = uneven([1, 4, 64, 64], .cpu)
            return { _ = vae.decode(latents) }
        case .soundVAE:
            let vae = try AutoencoderKL(config.vae, from: view)
            let latents = uneven([1, 8, 250, 16], .cpu)
            return { _ = vae.decode(latents) }
        case .vocoder:
            guard let sizes = config.vocoder else {
                preconditionFailure("the published decoder of sounds has no vocoder")
            }
            let vocoder = try HiFiGAN(sizes, from: view)
            let mel = uneven([1, 1000, 64], .cpu)
            return { _ = vocoder(mel) }
        }
    }

    private var modality: Modality {
        switch part {
        case .imageUNet, .imageVAE: .image
        case .soundUNet, .soundVAE, .vocoder: .audio
        case .videoUNet: .video
        }
    }
}

extension DiffusionCase {
    /// The most memory that this process has taken once two runs of this case are done. Means
    /// something in a process that did nothing else.
    public func peakMemoryAfterTwoRuns() throws -> Int {
        let run = try prepared()
        for _ in 0..<2 { run() }
        return Machine.peakMemoryBytes
    }

    /// What a peer is asked for.
    private struct Request: Encodable {
        let pass: DiffusionCase
        let seconds: Double
    }

    /// Times this case in `pairs` turns: ours, then each peer's, and again.
    ///
    /// - Parameter seconds: of our runs in each turn, at least; two runs in any case
    /// - Throws: `PeerError`
    public func measure(
        pairs: Int, seconds: Double, peers: [ScriptPeer]
    ) throws -> DiffusionTiming {
        let run = try prepared()
        run()
        var ours: [Double] = []
        var theirs = [[Double]](repeating: [], count: peers.count)
        // PyTorch has no weights of blocks.
        let able = weights.isBlocked ? [] : Array(peers.indices)
        for _ in 0..<pairs {
            ours.append(OperationCase.time(run, seconds: seconds))
            for index in able {
                let request = Request(pass: self, seconds: seconds)
                theirs[index].append(try peers[index].number(asking: request))
            }
        }
        return DiffusionTiming(
            name: name, seconds: median(ours),
            peers: able.map { index in
                DiffusionTiming.Comparison(
                    peer: peers[index].name, seconds: median(theirs[index]),
                    ratio: median(zip(ours, theirs[index]).map { $1 / $0 }))
            })
    }
}

/// A pass timed on our side and, pair by pair, on a peer's.
public struct DiffusionTiming: Codable, Equatable, Sendable {
    /// The case.
    public let name: String
    /// Our median seconds.
    public let seconds: Double
    /// The peers' median seconds, and the median of the ratios of theirs to ours.
    public let peers: [Comparison]

    /// One peer's side.
    public struct Comparison: Codable, Equatable, Sendable {
        /// The peer's name and version.
        public let peer: String
        /// Its median seconds.
        public let seconds: Double
        /// How many times longer it takes.
        public let ratio: Double
    }
}
