import FoundationEssentials
import ModelZoo
import TensorCore

extension MultimodalModel {
    /// Opens the decoders too, so that every tensor of every part was held against its network.
    ///
    /// - Returns: each component of the manifest and what was found
    /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `TokenizerError`
    public func verify() throws -> [(component: String, state: String)] {
        for modality in folder.modalities {
            try checkConditioning(of: decoders.decoder(modality))
        }
        return folder.manifest.components.sorted { $0.key < $1.key }.map { name, component in
            (name, "\(component.path): complete, every tensor as its network needs it")
        }
    }
}

/// Opens a model folder or a language model alone, every part of it; holds each tensor against its
/// network, and each part against the hash that `southgpt.json` has.
///
/// - Parameter writingHashes: puts the present hashes into `southgpt.json` first
/// - Returns: each part and what was found
/// - Throws: `ModelError.bareDelta` for differences in Vicuna's place, `.otherHash`; what opening
///   the parts throws
public func verification(
    of path: String, writingHashes: Bool = false
) throws -> [(component: String, state: String)] {
    if LanguageModel.isAlone(at: path) { return try languageModelVerification(path) }
    var folder = try ModelFolder(path)
    if let llm = try? folder.path(of: "llm") {
        try refuseBareDelta(in: try Checkpoint.anywhere(llm))
    }
    if writingHashes {
        try folder.writeHashes()
        folder = try ModelFolder(path)
    }
    let checked = try folder.checkHashes()
    return try MultimodalModel(path).verify().map { name, state in
        (name, checked.contains(name) ? state + ", hash as written" : state)
    }
}

private func languageModelVerification(
    _ path: String
) throws -> [(component: String, state: String)] {
    let files = try LLaMAFiles(path)
    try refuseBareDelta(in: files.checkpoint)
    let network = try files.network()
    let tokenizer = try files.fittingTokenizer(beside: path)
    let tensors = files.checkpoint.tensors.count
    return [
        (
            "llm",
            "\(files.checkpoint.file): complete, \(tensors) tensors, none missing, none left over"
        ),
        ("tokenizer", "\(tokenizer.vocabularySize) tokens for \(network.config.vocabSize) rows"),
    ] + files.remarks.map { ("remark", $0) }
}

/// The scales of a trained model's last norm are near one or above; their differences near zero.
func refuseBareDelta(in checkpoint: Checkpoint) throws {
    guard let (file, mean) = try checkpoint.lastScales(), mean < 0.1 else { return }
    throw ModelError.bareDelta(file: file)
}

extension Checkpoint {
    /// The mean of the last norm's scales, without their signs, and the file that has them.
    func lastScales() throws -> (file: String, mean: Float)? {
        guard let norm = self["model.norm.weight"], norm.shape.count == 1 else { return nil }
        let scales = try norm.tensor().floats()
        return (norm.file, scales.reduce(0) { $0 + abs($1) } / Float(max(scales.count, 1)))
    }
}

extension ModelFolder {
    /// The hash of each part: of a file its own, of a folder that of its files' names and hashes in
    /// order, as `sha256sum` lists them.
    private func hash(_ component: String) throws -> String {
        let place = try path(of: component)
        guard FileManager.default.isFolder(place) else { return try SHA256.hash(file: place) }
        var list = ""
        for (name, file) in try PartFiles(at: place).files {
            list += "\(try SHA256.hash(file: file))  \(name)\n"
        }
        var hash = SHA256()
        hash.update(list)
        return hash.hexadecimal
    }

    /// The parts that have a hash, each as it says.
    fileprivate func checkHashes() throws -> Set<String> {
        var checked: Set<String> = []
        for (name, component) in manifest.components.sorted(by: { $0.key < $1.key }) {
            guard let expected = component.sha256 else { continue }
            let found = try hash(name)
            guard found == expected.lowercased() else {
                throw ModelError.otherHash(
                    component: name, found: found, expected: expected, path: try path(of: name))
            }
            checked.insert(name)
        }
        return checked
    }

    fileprivate func writeHashes() throws {
        var manifest = manifest
        for name in manifest.components.keys {
            manifest.components[name]?.sha256 = try hash(name)
        }
        try manifest.write(to: path)
    }
}
