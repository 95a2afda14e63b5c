import Dialogue
import ModelZoo
import SouthGPT
import TensorCore

extension StageTask {
    /// Writes the delta under the README's file names, with a copy in `stage_N/`: what this stage
    /// trained and everything that earlier ones left.
    ///
    /// - Throws: `CheckpointError.unwritable`, `TokenizerError.unwritable`
    public func write(to folder: String) throws {
        let parts = model.languageModel
        var notes = DeltaNotes()
        notes.stage = stage.rawValue
        notes.loraAlpha = parts.adapter?.alpha
        notes.base = parts.fingerprint
        notes.startedFrom = start
        // Rows that an earlier run moved stay moved.
        notes.movesBaseRows =
            config.trainFullEmbeddings == true || model.delta?.notes.movesBaseRows == true
        notes.hiddenLayers = Dictionary(
            uniqueKeysWithValues: model.projections.outputs.compactMap { modality, projection in
                projection.config.hiddenLayers == [-1]
                    ? nil : (modality.rawValue, projection.config.hiddenLayers)
            })
        let tokenizer = model.layout.tokenizer
        notes.tokenIDs = Dictionary(
            uniqueKeysWithValues: (tokenizer.model.vocabularySize..<tokenizer.vocabularySize)
                .compactMap { id in tokenizer.token(id).map { ($0, id) } })
        try DeltaWriter(
            languageModel: languageModelTensors(),
            projections: model.projections.parameters.map { ($0.name, $0.value) }
                + model.projections.unused.map { ($0.name, try $0.tensor()) },
            notes: notes, tokenizer: tokenizer, config: parts.model.config,
            configFile: "\(parts.folder)/config.json"
        ).write(to: folder, copy: name)
    }

    /// Whole tables and adapters, in the language model's order.
    private func languageModelTensors() -> [(name: String, value: Tensor)] {
        let parameters = model.languageModel.parameters
        let added = Dictionary(
            uniqueKeysWithValues: parameters.filter { $0.name.hasSuffix(".added_rows") }
                .map { ($0.name.dropLast(".added_rows".count), $0.value) })
        var tensors: [(name: String, value: Tensor)] = []
        for name in ["model.embed_tokens", "lm_head"] {
            // A tied head is the embedding.
            let source =
                parameters.first { $0.name == "\(name).weight" }
                ?? parameters.first { $0.name == "model.embed_tokens.weight" }
            guard let source else { continue }
            let rows = added[source.name.dropLast(".weight".count)]
            let parts = [source.value, rows].compactMap { $0?.cast(to: .float32) }
            tensors.append(("\(name).weight", .concatenate(parts, axis: 0)))
        }
        return tensors
            + parameters.filter { $0.name.contains(".lora_") }.map { ($0.name, $0.value) }
    }
}
