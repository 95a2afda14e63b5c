import ModelZoo
import SouthGPT
import TensorCore

/// How many numbers a stage's model has and how many of them move, group by group, as the original
/// prints when it starts.
public struct ParameterReport: Codable, Equatable, Sendable {
    /// One group.
    public struct Group: Codable, Equatable, Sendable {
        /// `lora`, `video`, `audio`, `image`, `linear`, `imagebind` or `llama`.
        public let name: String
        public let count: Int
        public let moving: Int
    }

    public let groups: [Group]
    /// All numbers, and those that move.
    public var count: Int { groups.reduce(0) { $0 + $1.count } }
    public var moving: Int { groups.reduce(0) { $0 + $1.moving } }

    /// - Throws: `ConfigError`
    init(_ model: StageModel) throws {
        let parameters = model.parameters
        func group(_ name: String, _ belongs: (String) -> Bool) -> Group {
            let own = parameters.filter { belongs($0.name) }
            return Group(
                name: name, count: own.reduce(0) { $0 + $1.value.count },
                moving: own.filter(\.isTrainable).reduce(0) { $0 + $1.value.count })
        }
        let shapes = Weights.shapesOnly()
        _ = try ImageBind(model.encoder.config, from: shapes)
        let encoder = shapes.parameters.reduce(0) { $0 + $1.value.count }
        let isAdapter = { (name: String) in name.contains(".lora_") }
        groups =
            [group("lora", isAdapter)]
            + [Modality.video, .audio, .image].map { modality in
                group(modality.rawValue) {
                    $0.hasPrefix("\(OutputProjection.name(of: modality)).")
                }
            } + [
                group("linear") { $0.hasPrefix("llama_proj.") },
                Group(name: "imagebind", count: encoder, moving: 0),
                group("llama") { name in
                    !isAdapter(name) && !name.hasPrefix("llama_proj.")
                        && !name.hasPrefix("gen_text_hidden_fcs")
                },
            ]
    }
}

extension ParameterReport: CustomStringConvertible {
    /// A line for all, then one for each group.
    public var description: String {
        func share(_ part: Int, _ whole: Int) -> String {
            let hundredths = whole == 0 ? 0 : (part * 10_000 + whole / 2) / whole
            return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) %"
        }
        return
            (["parameters: \(count), trained: \(moving) (\(share(moving, count)))"]
            + groups.map { group in
                "  \(group.name): \(group.count), trained: \(group.moving) "
                    + "(\(share(group.moving, group.count)))"
            }).joined(separator: "\n")
    }
}
