import FoundationEssentials
import TensorCore

/// What a layer's low-rank change was multiplied by in training.
struct TrainedScale: Sendable {
    let alpha: Float
    /// Divided by the root of the rank instead of the rank: rank-stabilised LoRA,
    /// arXiv:2312.03732.
    let byRoot: Bool

    func factor(rank: Int) -> Float { alpha / (byRoot ? Float(rank).squareRoot() : Float(rank)) }
}

/// The scales that diffusers writes into the metadata of a LoRA file: one JSON object of PEFT's
/// settings for all components, `unet.lora_alpha` and `text_encoder.lora_alpha` among them.
struct AdapterScales {
    private let settings: [String: Setting]

    private enum Setting: Decodable {
        case number(Float)
        case flag(Bool)
        case numbers([String: Float])
        case other

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let flag = try? value.decode(Bool.self) {
                self = .flag(flag)
            } else if let number = try? value.decode(Float.self) {
                self = .number(number)
            } else if let numbers = try? value.decode([String: Float].self) {
                self = .numbers(numbers)
            } else {
                self = .other
            }
        }
    }

    /// - Throws: `CheckpointError.malformed`
    init(_ checkpoint: Checkpoint) throws {
        let key = "lora_adapter_metadata"
        guard let text = checkpoint.metadata[key] else {
            settings = [:]
            return
        }
        do {
            settings = try JSONDecoder().decode([String: Setting].self, from: Data(text.utf8))
        } catch {
            throw CheckpointError.malformed(
                file: checkpoint.file, rule: "its metadata '\(key)' cannot be understood")
        }
    }

    /// The scale of a layer; nil where the file says none.
    ///
    /// - Parameter key: what the names of the layer's tensors begin with
    func scale(of key: String, _ component: DecoderComponent) -> TrainedScale? {
        let prefix = "\(component.rawValue)."
        func setting(_ name: String) -> Setting? { settings[prefix + name] }
        guard key.hasPrefix(prefix), case .number(var alpha) = setting("lora_alpha") else {
            return nil
        }
        if case .numbers(let pattern) = setting("alpha_pattern") {
            // A pattern is a layer's path, or its end behind a dot.
            let layer = key.dropFirst(prefix.count)
            let own = pattern.filter { layer == $0.key || layer.hasSuffix(".\($0.key)") }
            alpha = own.max { $0.key.utf8.count < $1.key.utf8.count }?.value ?? alpha
        }
        if case .flag(true) = setting("use_rslora") {
            return TrainedScale(alpha: alpha, byRoot: true)
        }
        return TrainedScale(alpha: alpha, byRoot: false)
    }
}
