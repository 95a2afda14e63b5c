import FoundationEssentials
import ModelZoo
import TensorCore

/// A model folder in the making: components of random weights under published names.
struct PresetFolder {
    let path: String
    private let seed: UInt64

    init(_ path: String, seed: UInt64) {
        self.path = path
        self.seed = seed
    }

    /// The container that a component's weights go into.
    enum Container {
        case safetensors(String, DType)
        case pytorch(String, DType)
        /// `pytorch_model-0000n-of-0000m.bin` and their index.
        case pytorchShards(DType, maxBytes: Int)
    }

    /// The path of a component's folder, which is made if it is not there.
    func folder(_ name: String) throws -> String {
        let folder = "\(path)/\(name)"
        try makeFolder(folder)
        return folder
    }

    /// Writes a text file.
    func write(_ text: String, to file: String) throws {
        let place = URL(filePath: "\(path)/\(file)")
        try makeFolder(place.deletingLastPathComponent().path)
        try Data((text + "\n").utf8).write(to: place)
    }

    /// Writes a component's `config.json`, builds the network that it describes with fresh
    /// weights, and saves those.
    func component<Config: Decodable>(
        _ name: String, config json: String, in container: Container, draw: UInt64,
        build: (Config, Weights) throws -> Void
    ) throws {
        try write(json, to: "\(name)/config.json")
        let config: Config = try ConfigFile.read(from: "\(path)/\(name)/config.json")
        let weights = Weights.fresh(seed: seed &+ draw)
        try build(config, weights)
        try save(weights.parameters.map { ($0.name, $0.value) }, name, container)
    }

    func save(
        _ tensors: [(name: String, value: Tensor)], _ name: String, _ container: Container
    ) throws {
        let folder = try folder(name)
        func stored(as dtype: DType) -> [(name: String, value: Tensor)] {
            tensors.map { ($0.name, $0.value.cast(to: dtype)) }
        }
        switch container {
        case .safetensors(let file, let dtype):
            try Safetensors.write(
                stored(as: dtype), metadata: ["format": "pt"], to: "\(folder)/\(file)")
        case .pytorch(let file, let dtype):
            try PyTorchArchive.write(stored(as: dtype), to: "\(folder)/\(file)")
        case .pytorchShards(let dtype, let maxBytes):
            try PyTorchArchive.writeShards(
                stored(as: dtype), maxShardBytes: maxBytes, folder: folder)
        }
    }
}
