import Foundation
import ModelZoo
import TensorCore
import TestSupport
import Testing

private let isAskedFor = ProcessInfo.processInfo.environment["SOUTHGPT_FULL_SIZE"] != nil

/// One layer or tower of each network at its published sizes. Minutes and gigabytes, so these run
/// where `SOUTHGPT_FULL_SIZE` is set, one at a time.
@Suite(
    .enabled(if: isAskedFor, "needs SOUTHGPT_FULL_SIZE and 4 GB of memory"),
    .serialized)
struct FullSizeTests {
    private let fixture: Fixture

    init() throws { fixture = try Fixture("full_size") }

    private func config<Config: Decodable>(_ name: String) throws -> Config {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let all = try JSONSerialization.jsonObject(
            with: Data((fixture.checkpoint.metadata["config"] ?? "{}").utf8))
        let one = try #require((all as? [String: Any])?[name])
        return try decoder.decode(
            Config.self, from: JSONSerialization.data(withJSONObject: one))
    }

    /// Weights of whatever `build` asks for, computed when they are loaded.
    private func network<Network>(
        as dtype: DType = .float32, _ build: (Weights) throws -> Network
    ) throws -> Network {
        let shapes = Weights.shapesOnly()
        _ = try build(shapes)
        let tensors = shapes.parameters.map { parameter in
            let (name, shape) = (parameter.name, parameter.value.shape)
            return StoredTensor(name: name, dtype: .float32, shape: shape, file: "recipe") {
                recipeWeight(name, shape)
            }.stored(as: shape.count == 2 ? dtype : .float32)
        }
        return try build(Weights(Checkpoint(file: "recipe", tensors: tensors)))
    }

    private func tokens(_ count: Int, below limit: Int) -> [Int32] {
        (0..<count).map { Int32((7919 * $0 + 3) % limit) }
    }

    /// Every so many numbers, as the fixture keeps them.
    private func sample(_ tensor: Tensor) -> Tensor {
        let all = tensor.floats()
        return Tensor(stride(from: 0, to: all.count, by: max(1, all.count / 1024)).map { all[$0] })
    }

    private func expectClose(_ found: Tensor, _ key: String, _ subject: String) {
        let error = relativeError(
            sample(found), fixture[key], of: "full size: \(subject)", original: fixture.source)
        #expect(error <= 1e-4)
    }

    @Test(arguments: ["llama-7b", "mistral-7b", "llama-3.1-8b", "qwen2-7b"])
    func aLayerOfALanguageModel(name: String) throws {
        let config: LLaMAConfig = try config(name)
        let model = try network { try LLaMA(config, from: $0) }
        let ids = tokens(64, below: config.vocabSize)
        let states = model.hiddenStates(model.embedTokens(Tensor(ids, [1, 64])))
        expectClose(states, "\(name).states", "\(name), a layer")
        expectClose(model.logits(states[0][63..<64]), "\(name).logits", "\(name), logits")
    }

    /// Blocks are multiplied as they are stored; the same numbers in float32 are the measure.
    @Test(arguments: [DType.q8_0, .q4_0, .q4_K, .q6_K])
    func aLayerInBlocksAsInTheNumbersTheyStandFor(dtype: DType) throws {
        let config: LLaMAConfig = try config("llama-7b")
        let inBlocks = try network(as: dtype) { try LLaMA(config, from: $0) }
        let shapes = Weights.shapesOnly()
        _ = try LLaMA(config, from: shapes)
        let plain = shapes.parameters.map { parameter in
            let value = recipeWeight(parameter.name, parameter.value.shape)
            return StoredTensor(
                name: parameter.name,
                value: value.rank == 2 ? value.quantized(to: dtype).cast(to: .float32) : value)
        }
        let whole = try LLaMA(config, from: Weights(Checkpoint(file: "recipe", tensors: plain)))
        for rows in [1, 64] {
            let ids = tokens(rows, below: config.vocabSize)
            let logits = [inBlocks, whole].map { model in
                model.logits(model.hiddenStates(model.embedTokens(Tensor(ids, [1, rows]))))
            }
            let error = relativeError(
                logits[0], logits[1],
                of: "full size: llama-7b, a layer and head of \(dtype.rawValue), \(rows) rows",
                original: "the same weights in float32")
            #expect(error <= 1e-4)
        }
    }

    @Test(arguments: ["vision", "audio"])
    func aTowerOfPicturesOrSounds(name: String) throws {
        let model = try network { try ImageBind(.huge, from: $0) }
        let input =
            name == "vision"
            ? recipeInput("imagebind.vision", [1, 3, 224, 224])
            : recipeInput("imagebind.audio", [1, 3, 1, 128, 204])
        expectClose(
            model.embed(input, name == "vision" ? .image : .audio), "imagebind.\(name)",
            "ImageBind \(name), the tower")
    }

    @Test func theTowerOfTexts() throws {
        let config = try #require(ImageBindConfig.huge.text)
        let model = try network { try ImageBindText(config, embeddingWidth: 1024, from: $0) }
        let ids: [Int32] = [49406, 320, 1125, 539, 320, 2368, 11, 7, 49407]
        let padded = Tensor(ids + [Int32](repeating: 0, count: 77 - ids.count), [1, 77])
        expectClose(model.embed(padded), "imagebind.text", "ImageBind text, the tower")
    }

    @Test(arguments: ImageBindSensor.allCases)
    func aTowerOfASensor(sensor: ImageBindSensor) throws {
        let model = try network { try ImageBindSensorTower(sensor, of: .huge, from: $0) }
        let shape = sensor == .imu ? [1, 6, 2000] : [1, 1, 224, 224]
        expectClose(
            model.embed(recipeInput("imagebind.\(sensor.rawValue)", shape)),
            "imagebind.\(sensor.rawValue)", "ImageBind \(sensor.rawValue), the tower")
    }

    @Test(arguments: ["clip-vit-l", "clip-vit-h"])
    func aTextEncoderOfCLIP(name: String) throws {
        let config: CLIPTextConfig = try config(name)
        let model = try network { try CLIPTextModel(config, from: $0) }
        expectClose(
            model(Tensor(tokens(77, below: 49408), [1, 77])), name, "\(name), the text encoder")
    }

    @Test func theTextEncoderOfCLAP() throws {
        let config: CLAPTextConfig = try config("clap")
        let model = try network { try CLAPTextModel(config, from: $0) }
        let words = [0] + tokens(40, below: 50000).map { $0 + 4 } + [2]
        expectClose(model(Tensor(words, [1, 42])), "clap", "CLAP, the text encoder")
    }

    @Test(arguments: Modality.allCases)
    func anOutputProjection(modality: Modality) throws {
        let config = OutputProjectionConfig.published(modality)
        let model = try network { try OutputProjection(config, modality, from: $0) }
        let states = recipeInput(
            "projection.\(modality).states", [1, config.inputTokens, config.hiddenSize])
        expectClose(
            model([states], embeddings: .zeros(states.shape)), "projection.\(modality)",
            "output projection, \(modality)")
    }
}
