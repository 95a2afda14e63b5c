import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Whole networks against the original, element by element, and the rows of the specification.
@Suite struct UNetTests {
    static let devices = [Device.cpu, .reference]

    private func unet(_ fixture: Fixture, _ device: Device) throws -> UNet {
        let weights = Weights(try fixture.weights, device: device)
        let unet = try UNet(try fixture.config(), from: weights)
        try weights.finish()
        return unet
    }

    private func error(_ found: Tensor, _ fixture: Fixture, _ name: String, _ subject: String)
        -> Float
    {
        relativeError(
            found, fixture[name], of: "UNet, tiny, \(subject), \(found.device)",
            original: fixture.source)
    }

    @Test(arguments: devices)
    func picturesMatchAtEvenAndOddSizes(device: Device) throws {
        let fixture = try Fixture("unet_image")  // made by unet.py
        let unet = try unet(fixture, device)
        let even = unet(
            recipeInput("sample", [2, 4, 8, 8]).on(device), timestep: 37,
            context: recipeInput("ctx", [2, 5, 24]).on(device))
        #expect(error(even, fixture, "even", "picture") <= 1e-4)
        #expect(
            GoldenRow(
                [0.011531, -0.199888, 0.203601, -0.129835], [0.228980, -0.200391], -18.15282,
                131.99154
            ).matches(even))

        let odd = unet(
            recipeInput("sample", [1, 4, 7, 6]).on(device), timestep: 999,
            context: recipeInput("ctx", [1, 5, 24]).on(device))
        #expect(error(odd, fixture, "odd", "picture of 7 × 6") <= 1e-4)
        #expect(
            GoldenRow(
                [-0.176189, -0.241544, -0.269741, -0.339066], [-0.095025, -0.338079], -13.29660,
                44.39384
            ).matches(odd))
    }

    @Test(arguments: devices)
    func headsOfEachLevelLinearProjectionsAndAGuidanceEmbeddingMatch(device: Device) throws {
        let fixture = try Fixture("unet_image_wide")
        let found = try unet(fixture, device)(
            recipeInput("sample", [2, 4, 9, 5]).on(device), timestep: 12.5,
            context: recipeInput("ctx", [2, 3, 12]).on(device),
            timeCondition: recipeInput("guidance", [2, 6]).on(device))
        #expect(error(found, fixture, "odd", "three levels") <= 1e-4)
    }

    @Test(arguments: devices)
    func soundMatches(device: Device) throws {
        let fixture = try Fixture("unet_sound")
        let unet = try unet(fixture, device)
        #expect(unet.config.contextSize == nil && unet.config.classSize == 16)
        let found = unet(
            recipeInput("sample", [2, 8, 9, 4]).on(device), timestep: 501,
            classLabels: recipeInput("cls", [2, 16]).on(device))
        #expect(error(found, fixture, "odd", "sound") <= 1e-4)
        #expect(
            GoldenRow(
                [-0.165564, -0.441120, 0.295358, 0.242954], [0.123612, 0.177233], 6.77778, 141.74327
            ).matches(found))
    }

    @Test(arguments: devices)
    func clipsMatchAloneAndInABatch(device: Device) throws {
        let fixture = try Fixture("unet_video")
        let unet = try unet(fixture, device)
        func found(_ batch: Int) -> Tensor {
            unet(
                recipeInput("sample", [batch, 4, 3, 8, 6]).on(device), timestep: 250,
                context: recipeInput("ctx", [batch, 5, 24]).on(device))
        }
        let (one, two) = (found(1), found(2))
        #expect(error(one, fixture, "one", "clip") <= 1e-4)
        #expect(error(two, fixture, "two", "two clips") <= 1e-4)
        #expect(
            GoldenRow(
                [-0.084893, -0.014549, 0.537191, -0.259413], [-0.052976, -0.111287], -20.37131,
                137.75157
            ).matches(one))
        #expect(
            GoldenRow(
                [-0.084893, -0.014549, 0.537191, -0.259412], [0.323513, -0.138597], -35.90837,
                277.81282
            ).matches(two))
    }

    @Test(arguments: devices)
    func clipsOfThreeLevelsAndOddSizesMatch(device: Device) throws {
        let fixture = try Fixture("unet_video_deep")
        let found = try unet(fixture, device)(
            recipeInput("sample", [2, 4, 2, 5, 3]).on(device), timestep: 0,
            context: recipeInput("ctx", [2, 4, 10]).on(device))
        #expect(error(found, fixture, "odd", "clip of three levels") <= 1e-4)
    }

    @Test func weightsOfAnotherNetworkAreRefused() throws {
        let fixture = try Fixture("unet_image")
        var config: UNetConfig = try fixture.config()
        config.layersPerBlock = 1
        let weights = Weights(try fixture.weights)
        #expect(throws: CheckpointError.self) {
            _ = try UNet(config, from: weights)
            try weights.finish()
        }
    }

    @Test(arguments: ["conv", "op", "Conv2d_0"])
    func oldNamesOfDownsamplersAreRead(name: String) throws {
        let fixture = try Fixture("unet_image")
        let renamed = try fixture.weights.renamed { old in
            guard let range = old.firstRange(of: "downsamplers.0.conv") else { return old }
            return old.replacingCharacters(in: range, with: "downsamplers.0.\(name)")
        }
        let weights = Weights(renamed)
        _ = try UNet(try fixture.config(), from: weights)
        try weights.finish()
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}
