// The tensor names of the program that Stable Diffusion 1.x was first published with, in files that
// hold all of it.
// Source: CompVis/stable-diffusion, `openaimodel.py` and `model.py`; specification, section 2.4.

/// From a name there to the name in diffusers' folders.
struct LatentDiffusionNames {
    /// Residual blocks of a level on the way down.
    let layers: Int
    /// Levels of the UNet and of the VAE.
    let unetLevels: Int
    let vaeLevels: Int

    static let unet = "model.diffusion_model."
    static let vae = "first_stage_model."
    static let text = "cond_stage_model.transformer."

    /// The name in `unet/` of one behind `model.diffusion_model.`.
    func unetName(_ name: String) -> String? {
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count > 2, let index = Int(parts[1]) else { return nil }
        let rest = Array(parts[2...])
        func resnet(_ path: String, _ rest: [String]) -> String? {
            LatentDiffusionNames.renamed(rest, LatentDiffusionNames.resnetParts).map {
                "\(path).\($0)"
            }
        }
        func joined(_ path: String, _ rest: [String]) -> String {
            ([path] + rest).joined(separator: ".")
        }
        switch parts[0] {
        case "time_embed": return joined("time_embedding.linear_\(index / 2 + 1)", rest)
        case "out": return joined(index == 0 ? "conv_norm_out" : "conv_out", rest)
        case "middle_block":
            return index == 1
                ? joined("mid_block.attentions.0", rest)
                : resnet("mid_block.resnets.\(index / 2)", rest)
        case "input_blocks":
            let inner = Array(rest.dropFirst())
            if index == 0 { return joined("conv_in", inner) }
            let (level, layer) = ((index - 1) / (layers + 1), (index - 1) % (layers + 1))
            let block = "down_blocks.\(level)"
            if layer == layers {
                return joined("\(block).downsamplers.0.conv", Array(rest.dropFirst(2)))
            }
            return rest[0] == "1"
                ? joined("\(block).attentions.\(layer)", inner)
                : resnet("\(block).resnets.\(layer)", inner)
        case "output_blocks":
            let (level, layer) = (index / (layers + 1), index % (layers + 1))
            let (block, inner) = ("up_blocks.\(level)", Array(rest.dropFirst()))
            if inner.first == "conv" {
                return joined("\(block).upsamplers.0", inner)
            }
            return rest[0] == "1"
                ? joined("\(block).attentions.\(layer)", inner)
                : resnet("\(block).resnets.\(layer)", inner)
        default: return nil
        }
    }

    /// The name in `vae/` of one behind `first_stage_model.`.
    func vaeName(_ name: String) -> String? {
        let parts = name.split(separator: ".").map(String.init)
        guard parts.count > 2, ["encoder", "decoder"].contains(parts[0]) else {
            return parts.first.map { ["quant_conv", "post_quant_conv"].contains($0) } == true
                ? name : nil
        }
        let (half, rest) = (parts[0], Array(parts[2...]))
        func joined(_ path: String, _ rest: [String]) -> String {
            ([half, path] + rest).joined(separator: ".")
        }
        switch parts[1] {
        case "norm_out": return joined("conv_norm_out", rest)
        case "conv_in", "conv_out": return joined(parts[1], rest)
        case "mid":
            switch rest.first {
            case "attn_1":
                return LatentDiffusionNames.renamed(
                    Array(rest.dropFirst()), LatentDiffusionNames.attentionParts
                ).map { joined("mid_block.attentions.0", [$0]) }
            case "block_1", "block_2":
                let index = rest.first == "block_1" ? 0 : 1
                return LatentDiffusionNames.renamed(
                    Array(rest.dropFirst()), LatentDiffusionNames.pictureParts
                ).map { joined("mid_block.resnets.\(index)", [$0]) }
            default: return nil
            }
        case "down", "up":
            guard rest.count > 2, let level = Int(rest[0]) else { return nil }
            // Counted from the pixels there, from the latents here.
            let isUp = parts[1] == "up"
            let block = isUp ? "up_blocks.\(vaeLevels - 1 - level)" : "down_blocks.\(level)"
            switch rest[1] {
            case "downsample": return joined("\(block).downsamplers.0", Array(rest[2...]))
            case "upsample": return joined("\(block).upsamplers.0", Array(rest[2...]))
            case "block":
                return LatentDiffusionNames.renamed(
                    Array(rest[3...]), LatentDiffusionNames.pictureParts
                ).map { joined("\(block).resnets.\(rest[2])", [$0]) }
            default: return nil
            }
        default: return nil
        }
    }

    private static let resnetParts = [
        "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj",
        "out_layers.0": "norm2", "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
    ]
    private static let pictureParts = [
        "norm1": "norm1", "conv1": "conv1", "norm2": "norm2", "conv2": "conv2",
        "nin_shortcut": "conv_shortcut",
    ]
    private static let attentionParts = [
        "norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0",
    ]

    /// A layer's name by the table, and its weight or bias as it is.
    private static func renamed(_ parts: [String], _ table: [String: String]) -> String? {
        guard let last = parts.last else { return nil }
        return table[parts.dropLast().joined(separator: ".")].map { "\($0).\(last)" }
    }
}
