import FoundationEssentials
import ModelZoo
package import TensorCore

/// The files of a decoder: a folder as diffusers writes it, or Stable Diffusion 1.x in one file.
struct DecoderFiles {
    let config: DecoderConfig
    let tokenize: PromptEncoder.Tokenize
    private let source: Source

    private enum Source {
        case folder(String, variant: String?)
        case file(StableDiffusionFile)
    }

    /// Reads all that says how large things are.
    init(_ path: String, variant: String?, vocabularies: [String]) throws {
        if DecoderFiles.isFile(path) {
            if let variant {
                throw DecoderError.option(
                    name: "the variant", found: "'\(variant)'",
                    expected: "none: a single file has its weights once")
            }
            let file = try StableDiffusionFile(path)
            config = file.config
            source = .file(file)
            let folder = try DecoderFiles.vocabulary(beside: path, or: vocabularies)
            let tokenizer = try CLIPTokenizer(folder: folder)
            tokenize = { tokenizer.encode($0, length: $1) }
        } else {
            config = try DecoderConfig(folder: path)
            if let variant, !DecoderFiles.has(variant, in: path) {
                throw DecoderError.missingVariant(variant, folder: path)
            }
            source = .folder(path, variant: variant)
            tokenize = try config.textEncoder.tokenizer(of: path)
        }
    }

    /// The tensors of a component.
    func checkpoint(_ component: DecoderComponent) throws -> Checkpoint {
        switch source {
        case .file(let file): return file.checkpoint(component)
        case .folder(let folder, let variant):
            let checkpoint = try Checkpoint(
                component: "\(folder)/\(component.rawValue)", variant: variant)
            // Some releases store the vocoder as it was trained, in weight-normalised pairs.
            return component == .vocoder ? try checkpoint.foldingWeightNorm() : checkpoint
        }
    }

    /// Whether a component has files of a variant, such as `model.fp16.safetensors`, or
    /// `model.fp16-00001-of-00002.safetensors`.
    private static func has(_ variant: String, in folder: String) -> Bool {
        DecoderComponent.allCases.contains { component in
            let path = "\(folder)/\(component.rawValue)"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return names.contains { $0.contains(".\(variant).") || $0.contains(".\(variant)-") }
        }
    }

    static func isFile(_ path: String) -> Bool {
        var isFolder = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder
    }

    /// The folder with a single file's vocabulary, which no single file holds.
    private static func vocabulary(beside path: String, or others: [String]) throws -> String {
        let end = path.lastIndex(of: "/")
        let own = end.map { String(path[..<$0]) } ?? "."
        let folders = ["\(own)/tokenizer", own] + others
        guard
            let folder = folders.first(where: {
                FileManager.default.fileExists(atPath: "\($0)/vocab.json")
            })
        else { throw DecoderError.missingVocabulary(file: path, looked: folders) }
        return folder
    }
}

extension MediaDecoder {
    /// Whether a path is that of a decoder: a folder with `model_index.json`, or a file of weights
    /// that are a decoder's by their names. A file that cannot be read is none.
    public static func isDecoder(at path: String) -> Bool {
        guard DecoderFiles.isFile(path) else {
            return FileManager.default.fileExists(atPath: "\(path)/model_index.json")
        }
        return (try? Checkpoint(contentsOf: path)).map(StableDiffusionFile.isDecoder) ?? false
    }
}

extension Checkpoint {
    /// The weights of a component: the variant asked for, else the plain ones, else the half-sized
    /// ones, which some downloads hold alone.
    init(component folder: String, variant: String?) throws {
        for candidate in [variant, nil, "fp16"] {
            do {
                self = try Checkpoint(folder: folder, variant: candidate)
                return
            } catch CheckpointError.unreadable(folder, _) {
                continue
            }
        }
        try self.init(folder: folder)
    }

    /// The same with matrices and filters in a narrower type as soon as they are loaded; the pages
    /// of the file that they came from are given back. What is as narrow already stays.
    package func held(as dtype: DType) throws -> Checkpoint {
        let narrowed = tensors.map { tensor -> StoredTensor in
            guard tensor.shape.count >= 2, tensor.dtype.isFloatingPoint else { return tensor }
            let fits =
                !dtype.isBlocked
                || tensor.shape.count == 2 && tensor.shape[1].isMultiple(of: dtype.blockSize)
            let kept = fits ? dtype : .bfloat16
            guard kept.byteCount(of: 256) < tensor.dtype.byteCount(of: 256) else { return tensor }
            let other = tensor.stored(as: kept)
            return StoredTensor(
                name: tensor.name, dtype: kept, shape: tensor.shape, file: tensor.file
            ) {
                defer { tensor.forget() }
                return try other.tensor().owned()
            }
        }
        return try Checkpoint(file: file, tensors: narrowed, metadata: metadata)
    }
}
