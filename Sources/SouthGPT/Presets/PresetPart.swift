import FoundationEssentials
import TensorCore

/// One network of a preset with its weights: where they go, in what container, and what draws them.
package struct PresetPart {
    /// The container that weights go into, and their type there.
    enum Container {
        case safetensors(String, DType)
        case pytorch(String, DType)
        /// `pytorch_model-0000n-of-0000m.bin` and their index.
        case pytorchShards(DType, maxBytes: Int)

        var dtype: DType {
            switch self {
            case .safetensors(_, let dtype), .pytorch(_, let dtype): dtype
            case .pytorchShards(let dtype, _): dtype
            }
        }
    }

    /// The folder, within the model's.
    package let folder: String
    let container: Container
    /// What is added to the model's seed for this part.
    package let draw: UInt64
    /// Asks for every weight of the network.
    let build: (Weights) throws -> Void

    init(
        _ folder: String, in container: Container, draw: UInt64,
        build: @escaping (Weights) throws -> Void
    ) {
        (self.folder, self.container, self.draw, self.build) = (folder, container, draw, build)
    }

    /// Bytes of the weights.
    package func byteCount() throws -> Int {
        let weights = Weights.shapesOnly()
        try build(weights)
        return weights.parameters.reduce(0) {
            $0 + container.dtype.byteCount(of: $1.value.shape.elementCount)
        }
    }

    /// Draws the weights and writes them, each when its turn comes where they are more than memory
    /// may hold.
    ///
    /// - Parameter progress: bytes of this part that are written
    /// - Throws: `CheckpointError`
    package func write(
        to model: String, seed: UInt64, oneByOne: Bool, progress: (Int) -> Void
    ) throws {
        let weights = oneByOne ? Weights.shapesOnly() : Weights.fresh(seed: seed &+ draw)
        try build(weights)
        let tensors =
            (oneByOne
            ? weights.drawnWhenLoaded(seed: seed &+ draw)
            : weights.parameters.map { StoredTensor(name: $0.name, value: $0.value) })
            .map { $0.stored(as: container.dtype) }
        var sizes = tensors.map(\.byteCount)
        if case .safetensors = container { sizes = Safetensors.ordered(tensors).map(\.byteCount) }
        let sums = sizes.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
        func show(_ done: Int) { progress(sums[min(done, sums.count - 1)]) }
        let folder = "\(model)/\(folder)"
        switch container {
        case .safetensors(let file, _):
            try Safetensors.write(
                tensors, metadata: ["format": "pt"], to: "\(folder)/\(file)", progress: show)
        case .pytorch(let file, _):
            try PyTorchArchive.write(tensors, to: "\(folder)/\(file)", progress: show)
        case .pytorchShards(_, let maxBytes):
            try PyTorchArchive.writeShards(
                tensors, maxShardBytes: maxBytes, folder: folder, progress: show)
        }
    }
}
