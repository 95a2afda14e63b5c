import ModelZoo
public import TensorCore

/// Low-rank changes to a decoder's UNet and text encoder, from a file of diffusers, PEFT or kohya's
/// scripts.
///
/// Paper: Hu et al. 2021, arXiv:2106.09685. A change is `strength · α / r · up · down`; it is added
/// to the weights when they are loaded, so that a run costs what it costs without it.
/// - Checkpoint: `unet.<layer>.lora_A.weight`/`lora_B.weight` or `lora.down`/`lora.up`, likewise
///   behind `text_encoder.`; `lora_unet_<layer with underscores>.lora_down.weight`/`lora_up.weight`
///   with `alpha`, likewise behind `lora_te_`. Where no tensor holds α, diffusers' metadata
///   `lora_adapter_metadata` may; it is r where nothing says it.
public struct AdapterFile: Sendable {
    /// The file, for messages.
    public let file: String
    /// What the changes are multiplied by: 1 as they were trained, 0 nothing of them.
    public let strength: Float
    private let changes: [Change]

    /// One layer's change.
    private struct Change: Sendable {
        let component: DecoderComponent
        /// The layer's path, all dots and underscores as underscores.
        let layer: String
        let down: StoredTensor
        let up: StoredTensor
        let alpha: StoredTensor?
        let trained: TrainedScale?
    }

    /// Reads the file's table of contents.
    ///
    /// - Throws: `CheckpointError`; `AdapterError` for a tensor that belongs to no low-rank change
    public init(_ path: String, strength: Float = 1) throws {
        guard strength.isFinite, abs(strength) <= 100 else {
            throw AdapterError.strength(file: path, found: strength)
        }
        let checkpoint = try Checkpoint(contentsOf: path)
        let scales = try AdapterScales(checkpoint)
        file = path
        self.strength = strength
        var parts: [String: [AdapterPart: StoredTensor]] = [:]
        for tensor in checkpoint.tensors {
            guard let (key, part) = AdapterPart.split(tensor.name) else {
                throw AdapterError.unknownTensor(name: tensor.name, file: path)
            }
            parts[key, default: [:]][part] = tensor
        }
        changes = try parts.sorted { $0.key < $1.key }.map { key, tensors in
            guard let (component, layer) = AdapterFile.place(key) else {
                throw AdapterError.unknownTensor(name: key, file: path)
            }
            guard let down = tensors[.down], let up = tensors[.up] else {
                throw AdapterError.half(layer: key, file: path)
            }
            return Change(
                component: component, layer: layer, down: down, up: up, alpha: tensors[.alpha],
                trained: scales.scale(of: key, component))
        }
    }

    /// The component that a key belongs to, and its layer.
    private static func place(_ key: String) -> (DecoderComponent, String)? {
        let dialects: [(prefix: String, component: DecoderComponent)] = [
            ("lora_unet_", .unet), ("unet.", .unet), ("lora_te1_", .textEncoder),
            ("lora_te_", .textEncoder), ("text_encoder.", .textEncoder),
        ]
        for (prefix, component) in dialects where key.hasPrefix(prefix) {
            var layer = String(key.dropFirst(prefix.count))
            // Attention processors of the first diffusers: `processor.to_q_lora` is `to_q`, and the
            // output there has no index.
            layer = layer.replacing(".processor.", with: ".")
            if layer.hasSuffix("_lora") { layer.removeLast(5) }
            if layer.hasSuffix(".to_out") { layer += ".0" }
            return (component, layer.replacing(".", with: "_"))
        }
        return nil
    }

    /// A component's tensors with the changes added.
    ///
    /// - Throws: `AdapterError` for a layer that the component does not have, or of another shape
    func merged(into checkpoint: Checkpoint, _ component: DecoderComponent) throws -> Checkpoint {
        let own = changes.filter { $0.component == component }
        guard !own.isEmpty, strength != 0 else { return checkpoint }
        var byLayer: [String: Change] = [:]
        for change in own { byLayer[change.layer] = change }
        let tensors = try checkpoint.tensors.map { tensor -> StoredTensor in
            guard tensor.name.hasSuffix(".weight"), tensor.shape.count >= 2 else { return tensor }
            let layer = String(tensor.name.dropLast(7)).replacing(".", with: "_")
            // Text encoders are stored with and without a level in front.
            let names = [layer, "text_model_\(layer)"]
            guard let name = names.first(where: { byLayer[$0] != nil }),
                let change = byLayer.removeValue(forKey: name)
            else { return tensor }
            return try added(change, to: tensor)
        }
        if let stray = byLayer.keys.min() {
            throw AdapterError.noSuchLayer(
                layer: stray, count: byLayer.count, component: component, file: file)
        }
        return try Checkpoint(
            file: checkpoint.file, tensors: tensors, metadata: checkpoint.metadata)
    }

    private func added(_ change: Change, to tensor: StoredTensor) throws -> StoredTensor {
        let (up, down) = (change.up.shape, change.down.shape)
        let inner = tensor.shape.dropFirst().reduce(1, *)
        let rank = down.first ?? 0
        guard rank > 0, up.count >= 2, up[0] == tensor.shape[0],
            up.dropFirst().reduce(1, *) == rank, down.reduce(1, *) == rank * inner
        else {
            throw AdapterError.shape(
                layer: change.layer, up: up, down: down, expected: tensor.shape, file: file)
        }
        return tensor.mapped { [strength] weight in
            func matrix(_ stored: StoredTensor, _ shape: Shape) throws -> Tensor {
                try stored.tensor().cast(to: .float32).dense().reshaped(shape)
            }
            let product = try matrix(change.up, [up[0], rank])
                .matmul(matrix(change.down, [rank, inner]))
            let alpha = try change.alpha?.tensor().cast(to: .float32).item()
            let scale = alpha.map { $0 / Float(rank) } ?? change.trained?.factor(rank: rank) ?? 1
            let change = product.reshaped(weight.shape) * (strength * scale)
            let sum = weight.cast(to: .float32) + change
            return tensor.dtype.isBlocked
                ? sum.quantized(to: tensor.dtype) : sum.cast(to: tensor.dtype)
        }
    }
}

/// What a tensor of a low-rank change is.
private enum AdapterPart: Hashable {
    case down, up, alpha

    /// The layer's key and the part, from the name.
    static func split(_ name: String) -> (String, AdapterPart)? {
        let endings: [(String, AdapterPart)] = [
            (".lora_A.weight", .down), (".lora_B.weight", .up),
            (".lora_A.default.weight", .down), (".lora_B.default.weight", .up),
            (".lora_down.weight", .down), (".lora_up.weight", .up),
            (".lora.down.weight", .down), (".lora.up.weight", .up),
            (".down.weight", .down), (".up.weight", .up), (".alpha", .alpha),
        ]
        for (ending, part) in endings where name.hasSuffix(ending) {
            return (String(name.dropLast(ending.count)), part)
        }
        return nil
    }
}

/// Why low-rank changes cannot be made. Each text is one line.
public enum AdapterError: Error, Equatable, CustomStringConvertible {
    /// A tensor that belongs to no low-rank change of a UNet or text encoder.
    case unknownTensor(name: String, file: String)
    /// A layer has one of the two matrices only.
    case half(layer: String, file: String)
    /// The component does not have that layer.
    case noSuchLayer(layer: String, count: Int, component: DecoderComponent, file: String)
    /// The matrices do not make the layer's weight.
    case shape(layer: String, up: Shape, down: Shape, expected: Shape, file: String)
    /// A strength that cannot be meant.
    case strength(file: String, found: Float)

    public var description: String {
        switch self {
        case .unknownTensor(let name, let file):
            "\(file): '\(name)' is no low-rank change of a UNet or a text encoder, expected names "
                + "of diffusers, PEFT or kohya. Is it a LoRA file for Stable Diffusion 1.x?"
        case .half(let layer, let file):
            "\(file): '\(layer)' has only one of its two matrices. Was the download complete?"
        case .noSuchLayer(let layer, let count, let component, let file):
            "\(file): changes \(count) layers that the \(component.rawValue) does not have, such "
                + "as '\(layer)'. Was it trained for another model?"
        case .shape(let layer, let up, let down, let expected, let file):
            "\(file): '\(layer)' has matrices of shapes \(up) and \(down), expected a product of "
                + "\(expected). Was it trained for another model?"
        case .strength(let file, let found):
            "\(file): the strength is \(found), expected −100 to 100. Most are made for 1."
        }
    }
}
