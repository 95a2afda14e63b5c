import TensorCore

extension OperationCase {
    /// Operands for this case on a device, and one run over them.
    func prepared(on device: Device) throws -> () throws -> Void {
        func noise(_ shape: Int...) -> Tensor { uneven(shape, device) }
        let n = sizes
        switch kind {
        case .product:
            let (a, b) = (noise(n[0], n[1]), noise(n[1], n[2]))
            return { _ = a.matmul(b) }
        case .linear, .linearGELU:
            let (x, bias) = (noise(n[0], n[1]), noise(n[2]))
            let weight = stored(noise(n[2], n[1]))
            let activation: Activation = kind == .linear ? .identity : .gelu
            return { _ = x.linear(weight, bias: bias, activation: activation) }
        case .convolution:
            let (kernel, stride) = (n[4], n[5])
            let (x, weight) = (noise(n[0], n[1], n[3], n[3]), noise(n[2], n[1], kernel, kernel))
            let padding = kernel == stride ? 0 : kernel / 2
            let geometry = ConvolutionGeometry(
                stride: [stride, stride], padding: [padding, padding], dilation: [1, 1])
            return { _ = x.convolved(with: weight, geometry) }
        case .attention, .causalAttention:
            let (q, k, v) = (
                noise(n[0], n[1], n[2], n[3]), noise(n[0], n[1], n[2], n[3]),
                noise(n[0], n[1], n[2], n[3])
            )
            let mask: AttentionMask = kind == .attention ? .none : .causal
            return { _ = attention(q, k, v, mask: mask) }
        case .groupNormSiLU:
            let (x, weight, bias) = (noise(n[0], n[1], n[2], n[3]), noise(n[1]), noise(n[1]))
            return {
                _ = x.groupNorm(
                    groups: 32, weight: weight, bias: bias, epsilon: 1e-5, activation: .silu)
            }
        case .softmax:
            let x = noise(n[0], n[1], n[2])
            return { _ = x.softmax() }
        case .geglu:
            let halves = noise(n[0], n[1], n[2]).split(2, axis: 2)
            return { _ = halves[0].gated(by: halves[1], .gelu) }
        case .layerNorm:
            let (x, weight, bias) = (noise(n[0], n[1]), noise(n[1]), noise(n[1]))
            return { _ = x.layerNorm(weight: weight, bias: bias, epsilon: 1e-5) }
        case .add:
            let (a, b) = (noise(n[0]), noise(n[0]))
            return { _ = a + b }
        case .transformerStep: return try SmallTransformer.trainingStep(batch: n[0], device: device)
        case .unetStep: return try SmallUNet.trainingStep(batch: n[0], device: device)
        case .adapterStep:
            let step = try AdapterStep(tokens: n[0], layers: n[1], base: weights, device: device)
            return { try step() }
        }
    }

    private func stored(_ weight: Tensor) -> Tensor {
        weights.isBlocked ? weight.quantized(to: weights) : weight.cast(to: weights)
    }
}

/// Numbers in ±½ without structure: what is multiplied must not be zeros.
func uneven(_ shape: Shape, _ device: Device) -> Tensor {
    var state: UInt32 = 2_463_534_242
    let values = (0..<shape.elementCount).map { _ -> Float in
        state ^= state << 13
        state ^= state >> 17
        state ^= state << 5
        return Float(state) / 4_294_967_296 - 0.5
    }
    return Tensor(values, shape, device: device)
}
