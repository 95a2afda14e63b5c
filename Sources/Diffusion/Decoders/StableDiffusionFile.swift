import ModelZoo
import TensorCore

/// Stable Diffusion 1.x in one file, with the names of the program that it was published with.
///
/// Such a file says nothing of sizes: they are read off its tensors. What no tensor tells is as in
/// every release of 1.x: 8 heads in the UNet, heads of 64 in the text encoder, groups of 32, PNDM.
struct StableDiffusionFile {
    let config: DecoderConfig
    private let components: [DecoderComponent: Checkpoint]

    /// Reads the file's table of contents.
    ///
    /// - Throws: `CheckpointError`; `DecoderError` for a file of another family
    init(_ path: String) throws {
        let whole = try Checkpoint(contentsOf: path)
        try StableDiffusionFile.checkFamily(whole)
        let found = Contents(whole)
        let names = LatentDiffusionNames(
            layers: found.layers, unetLevels: found.unetWidths.count,
            vaeLevels: found.vaeWidths.count)
        components = [
            .unet: try StableDiffusionFile.unet(whole, names),
            .vae: try whole.renamed { name in
                name.dropping(LatentDiffusionNames.vae).flatMap(names.vaeName)
            },
            .textEncoder: try whole.renamed { $0.dropping(LatentDiffusionNames.text) },
        ]
        config = try found.config()
    }

    /// The tensors of a component under diffusers' names.
    func checkpoint(_ component: DecoderComponent) -> Checkpoint {
        guard let checkpoint = components[component] else {
            preconditionFailure("a single file has no \(component.rawValue)")
        }
        return checkpoint
    }

    /// The running averages of training where the file has them, which is what was published as the
    /// network; their names are the UNet's without dots.
    private static func unet(_ whole: Checkpoint, _ names: LatentDiffusionNames) throws
        -> Checkpoint
    {
        let tensors = whole.tensors.compactMap { tensor -> StoredTensor? in
            guard let name = tensor.name.dropping(LatentDiffusionNames.unet),
                let renamed = names.unetName(name)
            else { return nil }
            let average = "model_ema.diffusion_model" + name.filter { $0 != "." }
            return (whole[average] ?? tensor).renamed(renamed)
        }
        return try Checkpoint(file: whole.file, tensors: tensors)
    }

    /// Says what a file holds that is not Stable Diffusion 1.x.
    private static func checkFamily(_ whole: Checkpoint) throws {
        func has(_ prefix: String) -> Bool { whole.tensors.contains { $0.name.hasPrefix(prefix) } }
        let marks: [(prefix: String, family: String)] = [
            ("conditioner.embedders.", "Stable Diffusion XL"),
            ("cond_stage_model.model.", "Stable Diffusion 2"),
            ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3"),
            ("model.diffusion_model.double_blocks.", "FLUX"), ("double_blocks.", "FLUX"),
            ("lora_unet_", "adapters (LoRA) without the network that they change"),
            ("unet.down_blocks.", "adapters (LoRA) without the network that they change"),
            ("down_blocks.", "a UNet alone"),
        ]
        if let mark = marks.first(where: { has($0.prefix) }) {
            throw DecoderError.otherFamily(file: whole.file, family: mark.family)
        }
        for (prefix, part) in [
            (LatentDiffusionNames.unet + "input_blocks.", "UNet"),
            (LatentDiffusionNames.vae + "decoder.", "VAE"),
            (LatentDiffusionNames.text + "text_model.", "text encoder"),
        ] where !has(prefix) {
            throw DecoderError.otherFamily(file: whole.file, family: "weights without a \(part)")
        }
    }
}

extension StableDiffusionFile {
    /// Whether a file has the weights of a decoder, of this or another family: its names tell.
    static func isDecoder(_ checkpoint: Checkpoint) -> Bool {
        let marks = [
            LatentDiffusionNames.unet, LatentDiffusionNames.vae, "cond_stage_model.",
            "conditioner.embedders.",
            "double_blocks.", "lora_unet_", "unet.down_blocks.", "down_blocks.",
        ]
        return checkpoint.tensors.contains { tensor in
            marks.contains { tensor.name.hasPrefix($0) }
        }
    }
}

/// The sizes that a file's tensors tell.
private struct Contents {
    let whole: Checkpoint
    let layers: Int
    let unetWidths: [Int]
    /// Which of the UNet's levels attend.
    let attends: [Bool]
    let vaeWidths: [Int]

    init(_ whole: Checkpoint) {
        self.whole = whole
        let unet = LatentDiffusionNames.unet + "input_blocks."
        func size(_ name: String) -> Int? { whole[name]?.shape.first }
        // After every level but the last stands a downsampler of one tensor.
        let first = (1..<1000).first { size("\(unet)\($0).0.op.weight") != nil }
        let blocks = (1..<1000).first {
            size("\(unet)\($0).0.op.weight") == nil
                && size("\(unet)\($0).0.in_layers.0.weight") == nil
        }
        let count = (blocks ?? 1) - 1
        let layers = (first ?? blocks ?? 2) - 1
        self.layers = layers
        let levels = layers > 0 ? (count + 1) / (layers + 1) : 0
        let firsts = (0..<levels).map { 1 + $0 * (layers + 1) }
        unetWidths = firsts.map { size("\(unet)\($0).0.out_layers.3.weight") ?? 0 }
        attends = firsts.map { whole["\(unet)\($0).1.norm.weight"] != nil }
        let vae = LatentDiffusionNames.vae + "encoder.down."
        vaeWidths = (0..<64).map { size("\(vae)\($0).block.0.conv2.weight") }.prefix { $0 != nil }
            .compactMap { $0 }
    }

    func config() throws -> DecoderConfig {
        func shape(_ name: String) throws -> Shape {
            guard let tensor = whole[name] else {
                throw CheckpointError.missing(name: name, expected: [], file: whole.file)
            }
            return tensor.shape
        }
        func axis(_ name: String, _ axis: Int) throws -> Int {
            let shape = try shape(name)
            guard axis < shape.count else {
                throw CheckpointError.malformed(
                    file: whole.file, rule: "'\(name)' has the shape \(shape)")
            }
            return shape[axis]
        }
        func count(_ name: (Int) -> String) -> Int {
            (0..<1024).first { whole[name($0)] == nil } ?? 0
        }
        let unetName = LatentDiffusionNames.unet
        var unet = UNetConfig(
            inChannels: try axis(unetName + "input_blocks.0.0.weight", 1),
            outChannels: try axis(unetName + "out.2.weight", 0), blockOutChannels: unetWidths,
            downBlockTypes: attends.map { $0 ? "CrossAttnDownBlock2D" : "DownBlock2D" },
            upBlockTypes: attends.reversed().map { $0 ? "CrossAttnUpBlock2D" : "UpBlock2D" })
        unet.layersPerBlock = layers
        unet.attentionHeadDim = 8
        unet.sampleSize = 64
        let context = "middle_block.1.transformer_blocks.0.attn2.to_k.weight"
        unet.crossAttentionDim = .same(try axis(unetName + context, 1))
        let vaeName = LatentDiffusionNames.vae
        var vae = AutoencoderKLConfig(
            channels: try axis(vaeName + "decoder.conv_out.weight", 0),
            latentChannels: try axis(vaeName + "post_quant_conv.weight", 0),
            blockOutChannels: vaeWidths)
        vae.layersPerBlock = count { "\(vaeName)encoder.down.0.block.\($0).conv1.weight" }
        vae.sampleSize = 512
        let textName = LatentDiffusionNames.text + "text_model."
        let table = try shape(textName + "embeddings.token_embedding.weight")
        guard table.count == 2 else {
            throw CheckpointError.malformed(
                file: whole.file, rule: "its table of tokens has the shape \(table)")
        }
        let layer = "\(textName)encoder.layers."
        let clip = CLIPTextConfig(
            vocabSize: table[0], hiddenSize: table[1],
            intermediateSize: try axis("\(layer)0.mlp.fc1.weight", 0),
            numHiddenLayers: count { "\(layer)\($0).mlp.fc1.weight" },
            numAttentionHeads: max(1, table[1] / 64),
            maxPositionEmbeddings: try axis(
                textName + "embeddings.position_embedding.weight", 0),
            hiddenAct: "quick_gelu")
        return try DecoderConfig(
            .image, unet: unet, vae: vae, textEncoder: .clip(clip), scheduler: .published(.image),
            from: whole.file)
    }
}

extension String {
    /// The rest behind a prefix; nil where it does not begin with it.
    fileprivate func dropping(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
