import FoundationEssentials
import ModelZoo
import TensorCore

/// A component's folder in the published layout: `config.json` and its weights.
struct ComponentFolder {
    let path: String

    /// Makes the folder where it is missing.
    ///
    /// - Throws: `CheckpointError.unwritable`
    init(_ path: String) throws {
        self.path = path
        try makeFolder(path)
    }

    /// Writes a description and weights under the stem that the library of its kind looks for.
    func write(
        _ config: some Encodable, _ tensors: [(name: String, value: Tensor)],
        stem: String = "model"
    ) throws {
        try ConfigFile.write(config, to: "\(path)/config.json")
        try Safetensors.write(tensors, to: "\(path)/\(stem).safetensors")
    }

    /// Writes files as they are.
    func write(_ files: [(name: String, bytes: [UInt8])]) throws {
        for file in files {
            try AtomicFile.write(to: "\(path)/\(file.name)") { try $0.write(file.bytes) }
        }
    }
}

extension Weights {
    /// Weights to train: fresh ones, or those of a folder with what it lacks drawn as `drawing`
    /// allows.
    static func starting(
        from folder: String?, drawing patterns: [String] = [], seed: UInt64,
        _ prepare: (Checkpoint) throws -> Checkpoint = { $0 }
    ) throws -> Weights {
        guard let folder else { return .fresh(seed: seed) }
        return Weights(try prepare(Checkpoint(folder: folder)), drawing: patterns, seed: seed)
    }

    /// All that was asked for, made fit to be trained: in `float32`, whatever the file holds.
    func trainable() -> [Parameter] {
        let asked = parameters
        for parameter in asked where parameter.value.dtype != .float32 {
            parameter.isTrainable = false
            parameter.replace(with: parameter.value.real)
            parameter.isTrainable = true
        }
        return asked
    }

    /// All that was asked for, never to move.
    func freeze() {
        for parameter in parameters { parameter.isTrainable = false }
    }
}

extension [Parameter] {
    /// The weights as they are, under their names.
    var tensors: [(name: String, value: Tensor)] { map { ($0.name, $0.value.detached()) } }
}
