import ModelZoo
import TensorCore
import TestSupport
import Testing

/// Each block against the original, element by element, and against the rows of the specification.
@Suite struct UNetBlocksTests {
    let fixture: Fixture

    init() throws { fixture = try Fixture("unet_blocks") }  // made by unet.py

    static let devices = [Device.cpu, .reference]

    private func x(_ shape: Shape, scale: Double = 0.02, _ device: Device) -> Tensor {
        recipeInput("x", shape, scale: scale).on(device)
    }

    /// The largest relative error, reported where the fast device found it.
    private func error(_ found: Tensor, _ name: String) -> Float {
        relativeError(
            found, fixture[name], of: "UNet block, \(name), \(found.device)",
            original: fixture.source)
    }

    @Test(arguments: devices)
    func theResidualBlockMatches(device: Device) throws {
        func resnet(_ inputs: Int, epsilon: Float) throws -> ResnetBlock {
            try recipe(on: device) {
                try ResnetBlock(
                    inputs, 32, embedding: 12, groups: 8, epsilon: epsilon, from: $0)
            }
        }
        let embedding = recipeInput("temb", [1, 12]).silu().on(device)
        let found = try resnet(16, epsilon: 1e-5)(x([1, 16, 4, 5], device), embedding: embedding)
        #expect(error(found, "resnet") <= 1e-5)
        let row = GoldenRow(
            [0.046162, 0.403660, 0.260169, 0.253427], [0.108911, -0.080197], -28.41736, 143.13830)
        #expect(row.matches(found))

        let other = try resnet(16, epsilon: 1e-6)(x([1, 16, 4, 5], device), embedding: embedding)
        #expect(error(other, "resnet_other_epsilon") <= 1e-5)
        #expect(!row.matches(other), "the small input tells one epsilon from the other")

        let pair = recipeInput("temb", [2, 12]).silu().on(device)
        let same = try resnet(32, epsilon: 1e-5)(x([2, 32, 3, 2], device), embedding: pair)
        #expect(error(same, "resnet_same_width") <= 1e-5)
    }

    @Test(arguments: devices, [false, true])
    func theSpatialTransformerMatches(device: Device, linear: Bool) throws {
        let transformer = try recipe(on: device) {
            try SpatialTransformer(
                32, heads: 4, context: 24, groups: 8, linear: linear, from: $0)
        }
        let found = transformer(
            x([2, 32, 3, 4], device), context: recipeInput("ctx", [2, 5, 24]).on(device))
        #expect(error(found, linear ? "spatial_linear" : "spatial") <= 1e-5)
        let row = GoldenRow(
            [-0.143838, 0.616028, 0.274374, -0.214362], [-0.414243, 0.352391], 10.35554, 235.11641)
        #expect(row.matches(found))
        let largerEpsilon = GoldenRow(
            [-0.113731, 0.565414, 0.268049, -0.184975], [-0.371028, 0.308084], 9.01941, 211.98839)
        #expect(!largerEpsilon.matches(found))
    }

    @Test func projectionsAreReadAsConvolutionsAndAsMatrices() throws {
        let shapes = Weights.shapesOnly()
        _ = try SpatialTransformer(
            32, heads: 4, context: 24, groups: 8, linear: false, from: shapes)
        let stored = shapes.parameters.map {
            StoredTensor(name: $0.name, value: recipeWeight($0.name, $0.value.shape))
        }
        #expect(stored.first { $0.name == "proj_in.weight" }?.shape == [32, 32, 1, 1])
        let transformer = try SpatialTransformer(
            32, heads: 4, context: 24, groups: 8, linear: true,
            from: Weights(Checkpoint(file: "recipe", tensors: stored)))
        let found = transformer(x([2, 32, 3, 4], .cpu), context: recipeInput("ctx", [2, 5, 24]))
        #expect(found.isClose(to: fixture["spatial"], absolute: 1e-5))
    }

    @Test(arguments: devices)
    func framesThatShareATextEqualFramesThatEachHaveIt(device: Device) throws {
        let transformer = try recipe(on: device) {
            try SpatialTransformer(32, heads: 4, context: 24, groups: 8, linear: true, from: $0)
        }
        let (x, context) = (
            x([6, 32, 3, 4], device), recipeInput("ctx", [2, 5, 24]).on(device)
        )
        let (shared, each) = (
            transformer(x, context: context),
            transformer(x, context: context.repeated(3, axis: 0))
        )
        #expect(shared.isClose(to: each, absolute: 1e-6))
    }

    @Test(arguments: devices)
    func theTemporalTransformerMatches(device: Device) throws {
        let transformer = try recipe(on: device) {
            try TemporalTransformer(32, heads: 4, headSize: 8, groups: 8, from: $0)
        }
        let found = transformer(x([6, 32, 2, 3], device), frames: 3)
        #expect(error(found, "temporal") <= 1e-5)
        let row = GoldenRow(
            [-0.101624, 0.302732, 0.439705, -0.322665], [-0.364459, -0.106711], 16.30461, 375.16042)
        #expect(row.matches(found))

        let wide = try recipe(on: device) {
            try TemporalTransformer(32, heads: 8, headSize: 16, groups: 4, from: $0)
        }
        #expect(error(wide(x([4, 32, 1, 5], device), frames: 2), "temporal_wide") <= 1e-5)
    }

    @Test(arguments: devices)
    func theTemporalConvolutionMatches(device: Device) throws {
        let convolution = try recipe(on: device) { try TemporalConvolution(32, from: $0) }
        let found = convolution(x([6, 32, 2, 3], device), frames: 3)
        #expect(error(found, "convolution") <= 1e-5)
        let row = GoldenRow(
            [0.062951, 0.427610, -0.020828, -0.112008], [-0.083999, 0.053705], -2.28858, 280.69475)
        #expect(row.matches(found))
    }

    @Test(arguments: devices)
    func downsamplersMatchWithEitherPadding(device: Device) throws {
        func found(padsBothSides: Bool) throws -> Tensor {
            try recipe(on: device) {
                try Downsample(8, padsBothSides: padsBothSides, from: $0)
            }(x([1, 8, 5, 6], scale: 4, device))
        }
        let (asymmetric, symmetric) = (
            try found(padsBothSides: false), try found(padsBothSides: true)
        )
        #expect(error(asymmetric, "down_asymmetric") <= 1e-5)
        #expect(error(symmetric, "down_symmetric") <= 1e-5)
        #expect(
            GoldenRow(
                [0.500879, -0.177774, 0.624280, 0.492559], [-0.211795, 0.697335], -4.04110,
                24.11361
            ).matches(asymmetric))
        #expect(
            GoldenRow(
                [0.127596, 0.382849, 0.237534, -0.222376], [0.617364, -0.095244], 9.44273, 27.09442
            ).matches(symmetric))
    }

    @Test(arguments: devices)
    func upsamplersMatchAtTwiceTheSizeAndAtAny(device: Device) throws {
        let upsample = try recipe(on: device) { try Upsample(8, from: $0) }
        let x = x([1, 8, 3, 4], scale: 4, device)
        let (twice, any) = (upsample(x), upsample(x, to: [5, 7]))
        #expect(error(twice, "up") <= 1e-5)
        #expect(error(any, "up_to") <= 1e-5)
        let first: [Float] = [-0.298855, 0.051899, 0.589488, 0.238607]
        #expect(
            GoldenRow(first, [-0.399783, -0.519670], 7.16175, 160.19069).matches(twice))
        #expect(GoldenRow(first, [0.210740, -0.060278], -4.76916, 114.36331).matches(any))
    }

    @Test(arguments: devices)
    func sinusoidsMatchThePrintedOnes(device: Device) {
        let small = Tensor(
            [
                0.7654141, -0.8481001, 0.9323273, 0.9993156, -0.6435381, -0.5298360, 0.3616154,
                0.0369916,
            ] as [Float], [1, 8])
        #expect(sinusoids(of: [37], width: 8, device: device).isClose(to: small, absolute: 1e-6))

        let large = sinusoids(of: [999], width: 320, device: device).floats()
        let printed: [(Int, Float)] = [
            (0, 0.999650), (1, 0.802678), (2, -0.278062), (79, -0.401935), (159, 0.994406),
            (160, -0.026461), (161, 0.596413), (162, -0.960563), (319, 0.105622),
        ]
        // Angles near 999 are 6.1e-5 apart in `float32`; PyTorch's exponential and ours round
        // some frequencies to neighbours.
        for (index, value) in printed { #expect(abs(large[index] - value) <= 6.2e-5) }

        let sinesFirst = sinusoids(of: [37], width: 8, cosineFirst: false, device: device)
        let halves = small.split(2, axis: 1)
        #expect(
            sinesFirst.isClose(
                to: Tensor.concatenate([halves[1], halves[0]], axis: 1), absolute: 1e-6))
    }
}
