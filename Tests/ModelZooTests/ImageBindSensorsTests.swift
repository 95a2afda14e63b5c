import ModelZoo
import TensorCore
import TestSupport
import Testing

/// The towers of depth, heat and motion.
@Suite struct ImageBindSensorsTests {
    /// The sizes in the fixture, whose file has no other towers.
    private struct Sizes: Decodable {
        let embeddingWidth: Int
        let depth: ImageBindPictureConfig
        let thermal: ImageBindPictureConfig
        let imu: ImageBindMotionConfig
    }

    private func config(_ fixture: Fixture) throws -> ImageBindConfig {
        let sizes: Sizes = try fixture.config()
        var config = ImageBindConfig.huge
        config.embeddingWidth = sizes.embeddingWidth
        (config.depth, config.thermal, config.imu) = (sizes.depth, sizes.thermal, sizes.imu)
        return config
    }

    private func tower(
        _ sensor: ImageBindSensor, on device: Device
    ) throws -> (ImageBindSensorTower, Fixture) {
        let fixture = try Fixture("imagebind_sensors")
        let weights = Weights(try fixture.weights, device: device)
        let tower = try ImageBindSensorTower(sensor, of: config(fixture), from: weights)
        try weights.finish(unused: tower.unusedTensors)
        return (tower, fixture)
    }

    private func input(_ sensor: ImageBindSensor) -> Tensor {
        switch sensor {
        case .depth: recipeInput("imagebind.depth", [2, 3, 1, 32, 32])
        case .thermal: recipeInput("imagebind.thermal", [2, 1, 32, 32])
        case .imu: recipeInput("imagebind.imu", [2, 6, 40])
        }
    }

    @Test(arguments: ImageBindSensor.allCases, [Device.reference, .cpu])
    func embedsAsTheOriginal(sensor: ImageBindSensor, device: Device) throws {
        let (tower, fixture) = try tower(sensor, on: device)
        let input = input(sensor).on(device)
        for (name, scaling) in [(sensor.rawValue, false), ("\(sensor.rawValue)_scaled", true)] {
            let error = relativeError(
                tower.embed(input, scaling: scaling), fixture[name],
                of: "ImageBind \(name), \(device)", original: fixture.source)
            #expect(error <= 1e-4)
        }
    }

    @Test(arguments: ImageBindSensor.allCases)
    func meansTheClipsOfASample(sensor: ImageBindSensor) throws {
        let (tower, _) = try tower(sensor, on: .cpu)
        let sample = sensor == .imu ? [6, 40] : [1, 32, 32]
        let clips = recipeInput("clips", [1, 2] + sample)
        let single = (0..<2).map { tower.embed(clips.selected(1, $0)) }
        #expect(tower.embed(clips).isClose(to: (single[0] + single[1]) / 2, absolute: 1e-6))
        #expect(abs(single[0].squared().sum().item() - 1) < 1e-5)
    }

    @Test(
        arguments: zip(
            ImageBindSensor.allCases, [21_871_872, 86_211_072, 19_600_384]))
    func readsThePublishedTowerAlone(sensor: ImageBindSensor, parameters: Int) throws {
        let weights = try blank(ImageBindFile.tensors)
        let tower = try ImageBindSensorTower(sensor, of: .huge, from: weights)
        try weights.finish(unused: tower.unusedTensors)
        #expect(parameterCount(weights) == parameters)
    }

    @Test func saysThatAFileHasNoSuchTower() throws {
        var config = ImageBindConfig.huge
        config.imu = nil
        #expect(
            throws: ConfigError.unsupported(
                config: "ImageBind", key: "imu", found: "absent",
                expected: "the sizes of that tower")
        ) { try ImageBindSensorTower(.imu, of: config, from: .shapesOnly()) }
        config.thermal?.patchSize = 0
        #expect(throws: ConfigError.self) {
            try ImageBindSensorTower(.thermal, of: config, from: .shapesOnly())
        }
    }
}
