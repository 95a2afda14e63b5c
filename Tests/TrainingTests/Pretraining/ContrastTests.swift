import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct ContrastTests {
    @Test(arguments: [nil, [0, 1, 0, 3, 1]])
    func agreesWithPyTorch(groups: [Int]?) throws {
        let fixture = try Fixture("pretraining_contrast")  // made by Tests/Fixtures/pretraining.py
        let name = groups == nil ? "all" : "grouped"
        let parameters = ["a", "b"].map { Parameter($0, recipeInput($0, [5, 6])) }
        let scale = Parameter("scale", Tensor(2.5))
        let loss = withGradients {
            contrast(
                parameters[0].value.normalized(), parameters[1].value.normalized(),
                scale: logitScale(scale.value), groups: groups)
        }
        expectSame(loss.detached(), fixture[name], fixture, "contrast")
        let gradients = loss.backward()
        for parameter in parameters + [scale] {
            let found = try #require(gradients[parameter])
            expectSame(
                found, fixture["\(name).\(parameter.name)"], fixture, "gradients of contrast")
        }
    }

    @Test func aScaleAboveOneHundredIsCut() {
        #expect(logitScale(Tensor(7)).item() == 100)
        #expect(abs(logitScale(Tensor(1)).item() - 2.7182817) < 1e-6)
    }

    @Test func teachesCLIPsTextEncoderAsPyTorchDoes() throws {
        let fixture = try Fixture("pretraining_clip")
        let weights = Weights(try fixture.weights)
        let model = try CLIPTextModel(fixture.config(), from: weights)
        let projection = try Linear(8, 6, bias: false, from: weights["text_projection"])
        let ids = fixture["ids"]
        let loss = withGradients {
            contrast(
                projection(model(ids).states(atEndsOf: ids)).normalized(), media,
                scale: Tensor(14))
        }
        expectSame(loss.detached(), fixture["loss"], fixture, "CLIP's text encoder")
        try expectSame(
            loss.backward(), of: weights.parameters, fixture, "CLIP's text encoder")
    }

    @Test func teachesCLAPsTextEncoderAsPyTorchDoes() throws {
        let fixture = try Fixture("pretraining_clap")
        let weights = Weights(try fixture.weights)
        let model = try CLAPTextModel(fixture.config(), from: weights)
        let loss = withGradients {
            contrast(model(fixture["ids"]).normalized(), media, scale: Tensor(14))
        }
        expectSame(loss.detached(), fixture["loss"], fixture, "CLAP's text encoder")
        try expectSame(
            loss.backward(), of: weights.parameters, fixture, "CLAP's text encoder")
    }

    private var media: Tensor { recipeInput("media", [3, 6]).normalized() }

    @Test func teachesImageBindsTowersAsPyTorchDoes() throws {
        // Made by Tests/Fixtures/imagebind_towers.py.
        let fixture = try Fixture("imagebind_towers")
        let weights = Weights(try fixture.weights)
        let config: ImageBindConfig = try fixture.config()
        let towers = try ImageBind(config, from: weights)
        let text = try ImageBindText(
            #require(config.text), embeddingWidth: config.embeddingWidth, from: weights)
        try weights.finish()
        let loss = withGradients {
            let words = text.embed(fixture["text_ids"][0..<2])
            let pictures = towers.embed(
                recipeInput("imagebind.image", [2, 3, 32, 32]), .image)
            let sounds = towers.embed(
                recipeInput("imagebind.audio", [2, 3, 1, 20, 36]), .audio
            ).normalized()
            let scale = logitScale(text.logarithmOfLogitScale.value)
            return contrast(words, pictures, scale: scale)
                + contrast(words, sounds, scale: scale)
                + contrast(pictures, sounds, scale: Tensor(config.audio.logitScale))
        }
        expectSame(loss.detached(), fixture["loss"], fixture, "ImageBind", within: 1e-4)
        try expectSame(loss.backward(), of: weights.parameters, fixture, "ImageBind's towers")
    }
}
