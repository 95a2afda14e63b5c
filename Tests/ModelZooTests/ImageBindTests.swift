import ModelZoo
import TensorCore
import TestSupport
import Testing

@Suite struct ImageBindTests {
    private func network(on device: Device) throws -> (ImageBind, Fixture) {
        let fixture = try Fixture("imagebind_towers")
        let weights = Weights(try fixture.weights, device: device)
        let network = try ImageBind(fixture.config(), from: weights)
        try weights.finish(unused: ImageBind.unusedTensors)
        return (network, fixture)
    }

    private func textTower(on device: Device) throws -> (ImageBindText, Fixture) {
        let fixture = try Fixture("imagebind_towers")
        let weights = Weights(try fixture.weights, device: device)
        let config: ImageBindConfig = try fixture.config()
        let tower = try ImageBindText(
            #require(config.text), embeddingWidth: config.embeddingWidth, from: weights)
        try weights.finish(unused: ImageBindText.unusedTensors)
        return (tower, fixture)
    }

    @Test(arguments: [Device.reference, .cpu])
    func embedsTextsAsTheOriginal(device: Device) throws {
        let (tower, fixture) = try textTower(on: device)
        let ids = fixture["text_ids"].on(device)
        for (name, scaling) in [("text", false), ("text_scaled", true)] {
            let error = relativeError(
                tower.embed(ids, scaling: scaling), fixture[name],
                of: "ImageBind texts, \(name), \(device)", original: fixture.source)
            #expect(error <= 1e-4)
        }
    }

    @Test func whatFollowsTheEndMarkOfATextCountsForNothing() throws {
        let (tower, _) = try textTower(on: .cpu)
        let ids: [Int32] = [38, 5, 17, 9, 39, 0, 0, 0, 0]
        let other: [Int32] = [38, 5, 17, 9, 39, 7, 39, 1, 2]
        let vectors = tower.embed(Tensor(ids + other, [2, 9]))
        #expect(vectors[0].isClose(to: vectors[1], absolute: 1e-6))
    }

    @Test func readsThePublishedTextTowerAlone() throws {
        let weights = try blank(ImageBindFile.tensors)
        let config = try #require(ImageBindConfig.huge.text)
        _ = try ImageBindText(config, embeddingWidth: 1024, from: weights)
        try weights.finish(unused: ImageBindText.unusedTensors)
        #expect(weights.parameters.reduce(0) { $0 + $1.value.count } == 354_032_641)
    }

    @Test(arguments: [Device.reference, .cpu])
    func embedsImagesAsTheOriginal(device: Device) throws {
        let (network, fixture) = try network(on: device)
        let image = recipeInput("imagebind.image", [2, 3, 32, 32]).on(device)
        let error = relativeError(
            network.embed(image, .image), fixture["image"], of: "ImageBind images, \(device)",
            original: fixture.source)
        #expect(error <= 1e-4)
    }

    @Test(arguments: [Device.reference, .cpu])
    func embedsClipsAsTheOriginal(device: Device) throws {
        let (network, fixture) = try network(on: device)
        let video = recipeInput("imagebind.video", [1, 3, 3, 2, 32, 32]).on(device)
        let error = relativeError(
            network.embed(video, .video), fixture["video"], of: "ImageBind video, \(device)",
            original: fixture.source)
        #expect(error <= 1e-4)
    }

    @Test(arguments: [Device.reference, .cpu])
    func embedsSoundsAsTheOriginal(device: Device) throws {
        let (network, fixture) = try network(on: device)
        let audio = recipeInput("imagebind.audio", [2, 3, 1, 20, 36]).on(device)
        let error = relativeError(
            network.embed(audio, .audio), fixture["audio"], of: "ImageBind audio, \(device)",
            original: fixture.source)
        #expect(error <= 1e-4)
        let scaled = relativeError(
            network.embed(audio, .audio, scalingAudio: true), fixture["audio_scaled"],
            of: "ImageBind audio with its scale, \(device)", original: fixture.source)
        #expect(scaled <= 1e-4)
    }

    @Test func takesAnImageAsAClipThatStandsStill() throws {
        let (network, _) = try network(on: .cpu)
        let image = recipeInput("imagebind.image", [2, 3, 32, 32])
        let clip = image.reshaped([2, 1, 3, 1, 32, 32]).tiled(2, axis: 3)
        let (a, b) = (network.embed(image, .image), network.embed(clip, .video))
        #expect(a.isClose(to: b, absolute: 1e-6))
    }

    @Test func meansTheClipsOfASample() throws {
        let (network, _) = try network(on: .cpu)
        let clips = recipeInput("imagebind.audio", [1, 3, 1, 20, 36])
        let single = (0..<3).map { network.embed(clips.selected(1, $0), .audio) }
        let mean = (single[0] + single[1] + single[2]) / 3
        #expect(network.embed(clips, .audio).isClose(to: mean, absolute: 1e-6))
        #expect(abs(single[0].squared().sum().item() - 1) < 1e-5)
    }

    @Test func tellsRowsFromColumns() throws {
        let (network, _) = try network(on: .cpu)
        let image = recipeInput("imagebind.image", [2, 3, 32, 32])
        let turned = network.embed(image.transposed(), .image)
        #expect(!turned.isClose(to: network.embed(image, .image), absolute: 1e-3))
    }

    @Test func readsThePublishedFileAndLeavesItsOtherTowers() throws {
        let names = ImageBindFile.tensors
        #expect(names.count == 1311)
        #expect(names.reduce(0) { $0 + $1.1.elementCount } == 1_200_781_057 + 5_933)
        let weights = try blank(names)
        _ = try ImageBind(.huge, from: weights)
        try weights.finish(unused: ImageBind.unusedTensors)
        let counts = Dictionary(
            grouping: weights.parameters, by: { String($0.name.split(separator: ".")[1]) }
        ).mapValues { $0.reduce(0) { $0 + $1.value.count } }
        #expect(counts == ["vision": 632_829_440, "audio": 86_235_648])
    }

    @Test func refusesSizesThatNoTowerCanHave() {
        var config = ImageBindConfig.huge
        config.vision.trunk.heads = 0
        #expect(throws: ConfigError.self) {
            _ = try ImageBind(config, from: .fresh(seed: 1))
        }
        config = .huge
        config.audio.patchSize = 200
        #expect(throws: ConfigError.self) {
            _ = try ImageBind(config, from: .fresh(seed: 1))
        }
    }
}

/// The contents of `imagebind_huge.pth`, as its specification lists them.
enum ImageBindFile {
    static var tensors: [(String, Shape)] {
        typealias Tower = (name: String, width: Int, blocks: Int, tokens: Int, biased: Bool)
        let towers: [Tower] = [
            ("vision", 1280, 32, 257, false), ("text", 1024, 24, 77, false),
            ("audio", 768, 12, 229, true), ("depth", 384, 12, 197, true),
            ("thermal", 768, 12, 197, true), ("imu", 512, 6, 251, true),
        ]
        return towers.flatMap { tower -> [(String, Shape)] in
            let (name, width) = (tower.name, tower.width)
            var tensors = stem(name, width, tower.tokens)
            if name == "vision" {
                tensors += norm("modality_trunks.vision.pre_transformer_layer.0", width)
            }
            for index in 0..<tower.blocks {
                tensors += block("modality_trunks.\(name).blocks.\(index).", width, tower.biased)
            }
            let (first, last) =
                switch name {
                case "text": ("text.proj.0", "text.proj.1")
                case "imu": ("imu.0", "imu.3")
                default: ("\(name).0", "\(name).2")
                }
            tensors += norm("modality_heads.\(first)", width)
            tensors.append(("modality_heads.\(last).weight", [1024, width]))
            if name != "vision" {
                tensors.append(("modality_postprocessors.\(name).1.log_logit_scale", []))
            }
            return tensors
        }
    }

    private static func block(_ root: String, _ width: Int, _ biased: Bool) -> [(String, Shape)] {
        var tensors: [(String, Shape)] = [
            (root + "attn.in_proj_weight", [3 * width, width]),
            (root + "attn.in_proj_bias", [3 * width]),
            (root + "attn.out_proj.weight", [width, width]),
            (root + "attn.out_proj.bias", [width]),
            (root + "mlp.fc1.weight", [4 * width, width]),
            (root + "mlp.fc1.bias", [4 * width]),
            (root + "mlp.fc2.weight", [width, 4 * width]),
            (root + "mlp.fc2.bias", [width]),
        ]
        tensors += norm(root + "norm_1", width)
        tensors += norm(root + "norm_2", width)
        if biased {
            tensors.append((root + "attn.bias_k", [1, 1, width]))
            tensors.append((root + "attn.bias_v", [1, 1, width]))
        }
        return tensors
    }

    private static func stem(_ name: String, _ width: Int, _ tokens: Int) -> [(String, Shape)] {
        let root = "modality_preprocessors.\(name)."
        let positions = root + "pos_embedding_helper.pos_embed"
        switch name {
        case "vision":
            return [
                (root + "cls_token", [1, 1, width]), (positions, [1, tokens, width]),
                (root + "rgbt_stem.proj.1.weight", [width, 3, 2, 14, 14]),
            ]
        case "text":
            return [
                (root + "pos_embed", [1, tokens, width]), (root + "mask", [77, 77]),
                (root + "token_embedding.weight", [49408, width]),
            ]
        case "imu":
            return [
                (root + "cls_token", [1, 1, width]), (root + "pos_embed", [1, tokens, width]),
                (root + "imu_stem.proj.weight", [width, 48]),
            ] + norm(root + "imu_stem.norm_layer", width)
        default:
            let stem = root + (name == "depth" ? "depth_stem." : "rgbt_stem.")
            return [
                (root + "cls_token", [1, 1, width]), (positions, [1, tokens, width]),
                (stem + "proj.weight", [width, 1, 16, 16]),
            ] + norm(stem + "norm_layer", width)
        }
    }

    private static func norm(_ name: String, _ width: Int) -> [(String, Shape)] {
        [(name + ".weight", [width]), (name + ".bias", [width])]
    }
}
