import Dialogue
import ModelZoo
import SouthGPT
import TensorCore

/// What tells a file of weights from another: the names and shapes of its tensors, and how each
/// begins and ends. Training moves all of a tensor, so that a look at both ends is enough.
///
/// - Throws: `CheckpointError`
func fingerprint(of checkpoint: Checkpoint) throws -> String {
    var hash = SHA256()
    for stored in checkpoint.tensors.sorted(by: { $0.name < $1.name }) {
        hash.update("\(stored.name) \(stored.dtype) \(stored.shape)\n")
        // Positions and the like are the same in all of their kind.
        guard [.float32, .float16, .bfloat16].contains(stored.dtype) else { continue }
        let tensor = try stored.tensor()
        let count = tensor.shape.first ?? 0
        let ends = count > 0 ? [0..<1, (count - 1)..<count].map { tensor.sliced(0, $0) } : [tensor]
        for end in ends { hash.update("\(end.floats().prefix(64))\n") }
        stored.forget()
    }
    return String(hash.hexadecimal.prefix(12))
}

extension StageModel {
    /// What must be as it was when a run goes on, beside the delta that it began with: weights that
    /// never move, by what an error calls them.
    ///
    /// - Throws: `CheckpointError`
    func frozenParts() throws -> [String: String] {
        var parts: [String: String] = [:]
        let start = languageModel.fingerprint.values.prefix(4).map { "\($0)" }
        parts["base model"] =
            "\(languageModel.fingerprint.layers) layers of "
            + "\(languageModel.fingerprint.hiddenSize), beginning with "
            + start.joined(separator: ", ")
        let tokenizer = layout.tokenizer
        let added = tokenizer.vocabularySize - tokenizer.model.vocabularySize
        parts["vocabulary"] = "\(tokenizer.model.vocabularySize) tokens and \(added) added"
        parts["encoder"] = try fingerprint(of: EncoderFolder.checkpoint(folder.path(of: "encoder")))
        let apart =
            ["inputProjection"] + Modality.allCases.map { "outputProjection.\($0.rawValue)" }
        for name in apart where folder.manifest.components[name] != nil {
            parts[name] = try fingerprint(of: Checkpoint(path: folder.path(of: name)))
        }
        return parts
    }
}
