public import DataPipeline
public import ModelZoo

/// One of the three stages: on what it is trained and how the losses add up. What moves is said by
/// the switches of `Configs/stage_N.yaml`, as sizes, rates and data are.
///
/// The published order is 1, 2, 3; the authors of NExT-GPT trained 1, 3, 2. Any order works.
public enum Stage: Int, CaseIterable, Sendable {
    /// Caption what the encoder sees or hears: the input projection learns to speak to the LLM.
    case encoderAlignment = 1
    /// Restate a caption and emit the signal tokens: output projections learn the decoders'
    /// conditioning.
    case decoderAlignment = 2
    /// Conversations with media on either side, with low-rank adapters in the LLM.
    case instructionTuning = 3

    /// A group of parameters that a stage moves.
    public enum Group: String, CaseIterable, Sendable {
        /// ImageBind's vector to one row of the LLM's input.
        case inputProjection
        /// Hidden states of signal tokens to each decoder's conditioning.
        case outputProjections
        /// The rows of the token embedding and of the head that belong to the added tokens.
        case addedTokenRows
        /// Low-rank adapters of the LLM's attention.
        case adapters
    }

    /// What a dataset of this stage may be.
    public var accepted: [DatasetType] {
        switch self {
        case .encoderAlignment: [.imageToText, .videoToText, .audioToText]
        case .decoderAlignment: [.textToImage, .textToVideo, .textToAudio]
        case .instructionTuning: DatasetType.allCases
        }
    }

    /// The weight of the alignment loss beside the cross-entropy, for answers of that modality.
    public func alignmentWeight(_ output: Modality?) -> Float {
        switch (self, output) {
        case (.encoderAlignment, _), (_, nil): 0
        case (.instructionTuning, .some(.video)): 2
        default: 1
        }
    }
}
