public import ModelZoo
public import TensorCore

/// Why a decoder could not be made, or could not make what was asked of it.
public enum DecoderError: Error, Equatable {
    /// A part of the decoder's folder is not there.
    case missingComponent(DecoderComponent, path: String, expected: String)
    /// The folder is of another kind of pipeline, or a part of it of another class.
    case unsupported(file: String, what: String, expected: String)
    /// The weights are those of another family of models.
    case otherFamily(file: String, family: String)
    /// A single file lies where no vocabulary is found.
    case missingVocabulary(file: String, looked: [String])
    /// Two parts of the folder do not fit together.
    case incompatible(decoder: String, what: String, found: Int, expected: Int)
    /// The text encoder's states are not as wide as what the UNet takes.
    case otherText(decoder: String, encoder: String, found: Int, expected: Int)
    /// No part of the folder has weights of that variant.
    case missingVariant(String, folder: String)
    /// An option that this decoder cannot follow.
    case option(name: String, found: String, expected: String)
    /// A condition of another shape than the network takes.
    case conditioning(Modality, found: Shape, expected: Shape)
    /// The network answered with infinities or worse.
    case notFinite(Modality)
}

extension DecoderError: CustomStringConvertible {
    /// One line: where, what was found, what was expected, what to do.
    public var description: String {
        switch self {
        case .missingComponent(let component, let path, let expected):
            "\(path): the decoder's \(component.rawValue) is missing, expected \(expected). "
                + "Was the whole folder downloaded?"
        case .unsupported(let file, let what, let expected):
            "\(file): \(what) is not supported, expected \(expected). Is it the right folder?"
        case .otherFamily(let file, let family):
            "\(file): holds \(family), expected Stable Diffusion 1.x. Name a file or folder of it, "
                + "such as v1-5-pruned-emaonly.safetensors."
        case .missingVocabulary(let file, let looked):
            "\(file): its vocabulary is missing: vocab.json and merges.txt are not in "
                + looked.joined(separator: " or ") + ". Put those of "
                + "openai/clip-vit-large-patch14 (1.6 MB) into a folder 'tokenizer' beside it."
        case .incompatible(let decoder, let what, let found, let expected):
            "\(decoder): \(what) is \(found), expected \(expected). "
                + "Are all its folders of the same release?"
        case .otherText(let decoder, let encoder, let found, let expected):
            "\(decoder): its text encoder (\(encoder)) gives conditions "
                + "\(found) wide, and its UNet takes them \(expected) wide. "
                + "Are both folders of the same release?"
        case .missingVariant(let variant, let folder):
            "\(folder): no part of it has weights of the variant '\(variant)', expected such as "
                + "unet/diffusion_pytorch_model.\(variant).safetensors. Leave the variant out, or "
                + "download its files."
        case .option(let name, let found, let expected):
            "\(name) is \(found), expected \(expected). Ask for another value."
        case .conditioning(let modality, let found, let expected):
            "\(modality.rawValue) decoder: a condition of shape \(found), expected \(expected)"
                + "\(expected.count > 1 ? " or 2 rows at least" : ""). Is the output projection made for this decoder?"
        case .notFinite(let modality):
            "\(modality.rawValue) decoder: the network's answer is not finite. "
                + "Are its weights those of its config.json?"
        }
    }
}

/// The parts of a decoder; raw values are their folders.
public enum DecoderComponent: String, CaseIterable, Sendable {
    case unet, vae, vocoder, scheduler, tokenizer
    case textEncoder = "text_encoder"
}
