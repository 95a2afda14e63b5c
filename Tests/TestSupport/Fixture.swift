import Foundation
public import TensorCore

/// Reference tensors that a script in `Tests/Fixtures` saved from the original implementation.
///
/// The file's metadata says where they come from (`source`), may hold a `config` as JSON, and may
/// name weights that both sides compute by `recipe` instead of storing them.
public struct Fixture {
    /// The tensors as stored.
    public let checkpoint: Checkpoint

    /// Opens `Tests/Fixtures/<name>.safetensors`.
    public init(_ name: String) throws {
        checkpoint = try Checkpoint(contentsOf: Fixture.path("\(name).safetensors"))
    }

    /// The path of a file in `Tests/Fixtures`.
    public static func path(_ file: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(components: "Fixtures", file).path
    }

    /// The original's name and version.
    public var source: String { checkpoint.metadata["source"] ?? "unnamed" }

    /// The tensor of that name; a missing one is a mistake in the test.
    public subscript(name: String) -> Tensor {
        guard let tensor = try? checkpoint[name]?.tensor() else {
            preconditionFailure("\(checkpoint.file) has no tensor '\(name)'")
        }
        return tensor
    }

    /// The network's configuration, decoded as the product decodes a published file.
    public func config<Config: Decodable>(_ type: Config.Type = Config.self) throws -> Config {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data((checkpoint.metadata["config"] ?? "{}").utf8))
    }

    /// The weights `weights.*` without that prefix, with those that `recipe` names computed.
    public var weights: Checkpoint {
        get throws {
            var tensors = try checkpoint.renamed {
                $0.hasPrefix("weights.") ? String($0.dropFirst(8)) : nil
            }.tensors
            let recipe = checkpoint.metadata["recipe"] ?? "{}"
            let shapes = try JSONDecoder().decode([String: [Int]].self, from: Data(recipe.utf8))
            for name in shapes.keys.sorted() {
                guard let shape = shapes[name] else { continue }
                tensors.append(StoredTensor(name: name, value: recipeWeight(name, shape)))
            }
            return try Checkpoint(file: checkpoint.file, tensors: tensors)
        }
    }
}
