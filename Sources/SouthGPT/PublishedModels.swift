public import ModelZoo

/// A release that the system is made of: where it is published, how large it is, and where the
/// README keeps it.
public struct PublishedModel: Equatable, Sendable {
    /// Its name on the hub, such as `cvssp/audioldm-l-full`.
    public let name: String
    /// Other names that it has, or had.
    public let otherNames: [String]
    /// What it makes; nil for what makes no media.
    public let modality: Modality?
    /// Where to download it.
    public let address: String
    /// What it weighs, in words.
    public let size: String
    /// What is needed to embed captions, and what that weighs.
    public let textPart: String?
    /// Where it goes, under `ckpt/pretrained_ckpt`.
    public let folder: String
    /// The file by which its folder is known.
    public let marker: String
    /// The model that the published files are the differences from; nil where they are whole.
    public var base: String?

    /// The README's five.
    ///
    /// - Source: sizes are numbers of parameters times their bytes, rounded; the files are a little
    ///   larger, and a repository with several types of one model holds each of them
    public static let all = [
        PublishedModel(
            name: "runwayml/stable-diffusion-v1-5",
            otherNames: ["stable-diffusion-v1-5/stable-diffusion-v1-5"], modality: .image,
            address: "https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
            size: "about 4.3 GB without its safety checker",
            textPart: "model_index.json, text_encoder/ and tokenizer/, about 0.5 GB",
            folder: "runwayml/stable-diffusion-v1-5", marker: "model_index.json"),
        PublishedModel(
            name: "cvssp/audioldm-l-full", otherNames: [], modality: .audio,
            address: "https://huggingface.co/cvssp/audioldm-l-full", size: "about 3.9 GB",
            textPart: "model_index.json, text_encoder/ and tokenizer/, about 0.5 GB",
            folder: "cvssp/audioldm-l-full", marker: "model_index.json"),
        PublishedModel(
            name: "cerspense/zeroscope_v2_576w", otherNames: [], modality: .video,
            address: "https://huggingface.co/cerspense/zeroscope_v2_576w",
            size: "about 3.7 or 7.3 GB, by its type",
            textPart: "model_index.json, text_encoder/ and tokenizer/, about 0.7 or 1.4 GB",
            folder: "cerspense/zeroscope_v2_576w", marker: "model_index.json"),
        PublishedModel(
            name: "imagebind/huge", otherNames: ["imagebind_huge"], modality: nil,
            address: "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth", size: "4.8 GB",
            textPart: nil, folder: "imagebind_ckpt/huge", marker: "imagebind_huge.pth"),
        PublishedModel(
            name: "lmsys/vicuna-7b-v0", otherNames: ["vicuna-7b-v0", "7b_v0"], modality: nil,
            address: "https://huggingface.co/lmsys/vicuna-7b-delta-v0",
            size: "about 13.5 GB", textPart: nil, folder: "vicuna_ckpt/7b_v0",
            marker: "config.json", base: "LLaMA 7B"),
    ]

    /// What the original's training added; its folder is one in `ckpt/delta_ckpt/southgpt`.
    public static let delta = PublishedModel(
        name: "southgpt/7b_tiva_v0", otherNames: ["ChocoWu/nextgpt_7b_tiva_v0"], modality: nil,
        address: "https://huggingface.co/ChocoWu/nextgpt_7b_tiva_v0", size: "about 0.8 GB",
        textPart: nil, folder: "7b_tiva_v0", marker: "pytorch_model.pt")

    /// What to do to have it in a folder, as the end of a sentence. Differences do not go there
    /// themselves.
    ///
    /// - Parameter part: which part of it, in place of its size
    static func download(
        _ address: String, _ part: String, differencesFrom base: String?, to folder: String
    ) -> String {
        guard let base else { return "download \(address) (\(part)) to \(folder)" }
        return "download \(address) (\(part)) to a folder of its own, and add it to \(base): "
            + "southgpt-checkpoint merge-delta --base LLAMA --delta THAT --output \(folder)"
    }

    /// The release of that name: its hub name, one of its others, or the last part of either.
    public static func named(_ name: String) -> PublishedModel? {
        all.first { model in
            ([model.name] + model.otherNames).contains { known in
                known == name || known.split(separator: "/").last.map(String.init) == name
            }
        }
    }

    /// The release that makes a medium.
    public static func making(_ modality: Modality) -> PublishedModel? {
        all.first { $0.modality == modality }
    }
}
