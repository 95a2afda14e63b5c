import TensorCore
import TestSupport
import Testing

/// Every layer on both backends, with weights by recipe, against PyTorch's modules.
@Suite struct LayersTests {
    private func expect(
        _ name: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ compute: (Weights, Device) throws -> Tensor
    ) throws {
        let fixture = try Fixture("layers")
        for device in [Device.reference, .cpu] {
            let weights = Weights(try fixture.weights, device: device)
            let error = relativeError(
                try compute(weights, device), fixture[name], of: "Layers, \(device)",
                original: fixture.source)
            #expect(error <= 1e-5, "\(name), \(device)", sourceLocation: sourceLocation)
        }
    }

    private func cube(_ device: Device) -> Tensor { recipeInput("cube", [2, 3, 4]).on(device) }
    private func image(_ device: Device) -> Tensor {
        recipeInput("image", [2, 6, 5, 4]).on(device)
    }

    @Test func mapsLinearly() throws {
        try expect("linear") { try Linear(4, 6, from: $0["linear"])(cube($1)) }
        try expect("plain") { try Linear(4, 6, bias: false, from: $0["plain"])(cube($1)) }
    }

    @Test func addsALowRankAdapter() throws {
        let config = LoRAConfig(rank: 2, alpha: 8)
        try expect("adapted") { weights, device in
            let adapted = weights.adapted(config, matching: ["lin*"])
            return try Linear(4, 6, from: adapted["linear"])(cube(device))
        }
        try expect("adapted.relu") { weights, device in
            let adapted = weights.adapted(config, matching: ["linear"])
            return try Linear(4, 6, from: adapted["linear"])(
                cube(device), activation: .relu,
                residual: recipeInput("residual", [2, 3, 6]).on(device))
        }
        try expect("linear") { weights, device in
            // Another layer's adapter is none of this one's.
            let adapted = weights.adapted(config, matching: ["plain"])
            return try Linear(4, 6, from: adapted["linear"])(cube(device))
        }
    }

    @Test func looksUpRows() throws {
        try expect("embedding") {
            try Embedding(7, 4, from: $0["embedding"])(
                Tensor([Int32(1), 6, 0], [1, 3], device: $1))
        }
    }

    @Test func normalises() throws {
        try expect("layerNorm") {
            try LayerNorm(4, epsilon: 1e-6, from: $0["layerNorm"])(cube($1))
        }
        try expect("layerNorm.plain") { _, device in
            cube(device).layerNorm(weight: nil, bias: nil, epsilon: 1e-5)
        }
        try expect("rmsNorm") { try RMSNorm(4, epsilon: 1e-5, from: $0["rmsNorm"])(cube($1)) }
        try expect("groupNorm") {
            try GroupNorm(3, 6, epsilon: 1e-6, from: $0["groupNorm"])(image($1))
        }
        try expect("groupNorm.silu") {
            try GroupNorm(3, 6, epsilon: 1e-6, from: $0["groupNorm"])(image($1), activation: .silu)
        }
    }

    @Test func convolves() throws {
        try expect("convolution") {
            try Convolution(
                6, 4, kernel: [3, 3], stride: [2, 2], padding: [1, 1], from: $0["convolution"])(
                    image($1))
        }
        try expect("temporal") {
            try Convolution(
                6, 6, kernel: [3, 1, 1], padding: [1, 0, 0], from: $0["temporal"])(
                    recipeInput("clip", [1, 6, 4, 2, 3]).on($1))
        }
        try expect("transposed") {
            try TransposedConvolution(
                3, 2, kernel: [8], stride: [4], padding: [2], from: $0["transposed"])(cube($1))
        }
        try expect("transposedGrouped") {
            try TransposedConvolution(
                6, 4, kernel: [3, 3], stride: [2, 3], padding: [1, 1], outputPadding: [1, 2],
                dilation: [2, 1], groups: 2, from: $0["transposedGrouped"])(image($1))
        }
    }
}
