import Diffusion
import FoundationEssentials
package import ModelZoo

/// The README's `ckpt/`: the published parts in `pretrained_ckpt/`, what training added in
/// `delta_ckpt/`. It opens as a model folder without a `southgpt.json`.
public struct CheckpointLayout: Sendable {
    /// The folder that has `pretrained_ckpt/`.
    public let path: String
    private let lookup: ModelLookup

    /// A folder that is laid out so; nil for any other.
    public init?(_ path: String, environment: [String: String]? = nil) {
        guard FileManager.default.isFolder("\(path)/pretrained_ckpt") else { return nil }
        self.path = path
        lookup = ModelLookup(checkpoints: path, environment: environment)
    }

    /// The layout that a delta lies in, as `ckpt/delta_ckpt/southgpt/7b_tiva_v0` does; nil for any other
    /// folder.
    init?(around delta: String) {
        guard Delta.file(at: delta) != nil else { return nil }
        let owner = URL(filePath: delta).standardizedFileURL.deletingLastPathComponent()
        let deltas = owner.deletingLastPathComponent()
        guard deltas.lastPathComponent == "delta_ckpt" else { return nil }
        self.init(deltas.deletingLastPathComponent().path)
    }

    /// The parts that training does not change. The decoders are those of whose files all are there.
    ///
    /// - Parameters:
    ///   - encoder: the folder of ImageBind
    ///   - languageModel: the folder of Vicuna
    ///   - decoders: folders, or names as on the hub
    package static func networks(
        encoder: String, languageModel: String, decoders: [Modality: String], lookup: ModelLookup
    ) -> [String: ModelManifest.Component] {
        var components: [String: ModelManifest.Component] = [
            "encoder": .init(path: encoder, kind: "imagebind"),
            "llm": .init(path: languageModel, kind: "llama"),
            "tokenizer": .init(path: languageModel, kind: "sentencepiece"),
        ]
        for (modality, name) in decoders {
            guard let found = try? lookup.folder(of: name),
                (try? DecoderConfig(folder: found)) != nil
            else { continue }
            components["decoder.\(modality.rawValue)"] = .init(
                path: URL(filePath: found).standardizedFileURL.path, kind: "diffusers")
        }
        return components
    }

    /// The manifest that `southgpt-checkpoint assemble` writes.
    ///
    /// - Parameter delta: the folder of the delta; absent, the published one's name or the only one
    /// - Throws: `ModelLookup.Missing` for a part that is not there, with where to get it;
    ///   `ModelError` where it is not clear which of several is meant
    public func manifest(delta: String? = nil) throws -> ModelManifest {
        let encoder = try only(in: "imagebind_ckpt", "imagebind/huge") {
            $0.hasSuffix(".pth") || $0.hasSuffix(".safetensors")
        }
        let llm = try only(in: "vicuna_ckpt", "lmsys/vicuna-7b-v0") { $0 == "config.json" }
        let decoders = Modality.allCases.compactMap { modality in
            decoder(modality).map { (modality, $0) }
        }
        var components = CheckpointLayout.networks(
            encoder: encoder, languageModel: llm,
            decoders: Dictionary(uniqueKeysWithValues: decoders), lookup: lookup)
        for (name, component) in components {
            components[name]?.path = relative(component.path)
        }
        let place = try delta ?? self.delta()
        components["delta"] = .init(path: relative(place), kind: "southgpt")
        let files = FileManager.default
        if files.fileExists(atPath: "\(place)/tokenizer.model") {
            components["tokenizer"] = .init(path: relative(place), kind: "sentencepiece")
        }
        return ModelManifest(
            name: place.split(separator: "/").last.map(String.init) ?? place,
            components: components)
    }

    /// A path as the layout's own folder sees it, where it lies below.
    private func relative(_ place: String) -> String {
        let base = URL(filePath: path).standardizedFileURL.path
        let full = URL(filePath: place).standardizedFileURL.path
        return full.hasPrefix("\(base)/") ? String(full.dropFirst(base.count + 1)) : full
    }

    /// The folder of a published part; where it is not there, the only other one beside its place.
    private func only(
        in parent: String, _ published: String, _ isMarker: (String) -> Bool
    ) throws -> String {
        let files = FileManager.default
        let parent = "\(path)/pretrained_ckpt/\(parent)"
        let found = files.names(in: parent).filter { name in
            files.names(in: "\(parent)/\(name)").contains(where: isMarker)
        }
        guard let model = PublishedModel.named(published) else {
            throw ModelError.missingComponent(name: published, path: parent)
        }
        let usual = Result { try lookup.folder(of: model) }
        if case .success(let folder) = usual { return folder }
        guard found.count < 2 else {
            throw ModelError.severalParts(folder: parent, found: found)
        }
        // The error says where was looked, and what to download.
        return try found.first.map { "\(parent)/\($0)" } ?? usual.get()
    }

    /// The folder of the published decoder, or of the only one here that makes that medium.
    private func decoder(_ modality: Modality) -> String? {
        if let published = PublishedModel.making(modality),
            let found = try? lookup.folder(of: published)
        {
            return found
        }
        let files = FileManager.default
        let parent = "\(path)/pretrained_ckpt"
        let found = files.names(in: parent).map { "\(parent)/\($0)" }.filter {
            (try? DecoderConfig.modality(of: $0)) == modality
        }
        return found.count == 1 ? found[0] : nil
    }

    /// Whose folders of deltas there may be: ours, and those of the original.
    private static let owners = ["southgpt", "nextgpt"]

    private func delta() throws -> String {
        let files = FileManager.default
        let parents = CheckpointLayout.owners.map { "\(path)/delta_ckpt/\($0)" }
        let found = parents.flatMap { parent in
            files.names(in: parent).map { "\(parent)/\($0)" }
        }.filter { files.isFolder($0) && Delta.file(at: $0) != nil }
        let published = PublishedModel.delta
        let usual = found.first { $0.hasSuffix("/\(published.folder)") }
        if let chosen = usual ?? (found.count == 1 ? found[0] : nil) { return chosen }
        guard found.isEmpty else {
            throw ModelError.severalParts(folder: "\(path)/delta_ckpt", found: found)
        }
        throw ModelLookup.Missing(
            name: published.name, looked: parents.map { "\($0)/\(published.folder)" },
            incomplete: [],
            mend: "Train one with southgpt-train, or download \(published.address) "
                + "(\(published.size)) to \(parents[0])/\(published.folder).")
    }
}

extension CheckpointLayout {
    /// Writes `southgpt.json` into the folder.
    ///
    /// - Parameter replacing: whether one that is there goes
    /// - Returns: what was written
    /// - Throws: `ModelError.presentManifest`; what `manifest` throws
    @discardableResult
    public func assemble(delta: String? = nil, replacing: Bool = false) throws -> ModelManifest {
        let file = "\(path)/\(ModelManifest.fileName)"
        guard replacing || !FileManager.default.fileExists(atPath: file) else {
            throw ModelError.presentManifest(file: file)
        }
        let manifest = try manifest(delta: delta)
        // Opened once, so that a part that is missing is said now.
        _ = try ModelFolder(path, manifest: manifest)
        try manifest.write(to: path)
        return manifest
    }
}
