/// One operation at a size that matters, timed on a device.
package struct KernelBenchmark: Sendable {
    /// What is computed.
    package let name: String
    /// Arithmetic operations of one run, a multiplication and an addition counting as two.
    package let operations: Double
    private let run: @Sendable (Device) -> @Sendable () -> Void

    /// What one benchmark took.
    package struct Result: Codable, Equatable, Sendable {
        package let name: String
        /// The median time of a run.
        package let seconds: Double
        package let gigaflopsPerSecond: Double
        /// How often it ran.
        package let runs: Int
    }

    /// Runs until both `minimumRuns` and `seconds` are reached, after one run that does not count.
    package func measure(
        on device: Device, minimumRuns: Int = 5, seconds: Double = 1
    ) -> Result {
        let work = run(device)
        work()
        let clock = ContinuousClock()
        var times: [Double] = []
        var total = 0.0
        while times.count < minimumRuns || (total < seconds && times.count < 1000) {
            let time = clock.measure { work() } / .seconds(1)
            times.append(time)
            total += time
        }
        let median = times.sorted()[times.count / 2]
        return Result(
            name: name, seconds: median, gigaflopsPerSecond: operations / median / 1e9,
            runs: times.count)
    }

    /// The cases of `southgpt-bench`: shapes of the networks that South-GPT runs.
    package static let all: [KernelBenchmark] = [
        product(1024, 1024, 1024),
        dense(rows: 512, 4096, 11008, .identity),
        dense(rows: 257, 1280, 5120, .gelu),
        dense(rows: 1, 4096, 4096, .identity),
        filter(batch: 2, channels: 320, side: 64),
        filter(batch: 2, channels: 640, side: 32),
        heads(batch: 2, 8, time: 4096, size: 40, .none),
        heads(batch: 1, 32, time: 512, size: 128, .causal),
    ]

    private static func product(_ m: Int, _ k: Int, _ n: Int) -> KernelBenchmark {
        KernelBenchmark(name: "matmul \(m)×\(k)×\(n)", operations: 2 * Double(m * k * n)) {
            let (a, b) = (noise([m, k], $0), noise([k, n], $0))
            return { _ = a.matmul(b) }
        }
    }

    private static func dense(
        rows: Int, _ inputs: Int, _ outputs: Int, _ activation: Activation
    ) -> KernelBenchmark {
        let suffix = activation == .identity ? "" : " + \(activation)"
        return KernelBenchmark(
            name: "linear \(rows)×\(inputs)→\(outputs)\(suffix)",
            operations: 2 * Double(rows * inputs * outputs)
        ) {
            let (x, weight) = (noise([rows, inputs], $0), noise([outputs, inputs], $0))
            let bias = noise([outputs], $0)
            return { _ = x.linear(weight, bias: bias, activation: activation) }
        }
    }

    private static func filter(batch: Int, channels: Int, side: Int) -> KernelBenchmark {
        KernelBenchmark(
            name: "conv 3×3, \(batch)×\(channels)×\(side)²",
            operations: 18 * Double(batch * channels * channels * side * side)
        ) {
            let x = noise([batch, channels, side, side], $0)
            let weight = noise([channels, channels, 3, 3], $0)
            let geometry = ConvolutionGeometry(stride: [1, 1], padding: [1, 1], dilation: [1, 1])
            return { _ = x.convolved(with: weight, geometry) }
        }
    }

    /// Counts the whole square of scores, causal or not.
    private static func heads(
        batch: Int, _ heads: Int, time: Int, size: Int, _ mask: AttentionMask
    ) -> KernelBenchmark {
        let suffix = if case .causal = mask { " causal" } else { "" }
        return KernelBenchmark(
            name: "attention \(batch)×\(heads)×\(time)×\(size)\(suffix)",
            operations: 4 * Double(batch * heads * time * time * size)
        ) {
            let shape = [batch, heads, time, size]
            let (q, k, v) = (noise(shape, $0), noise(shape, $0), noise(shape, $0))
            return { _ = attention(q, k, v, mask: mask) }
        }
    }

    /// Numbers in ±½ without structure: what is multiplied must not be zeros.
    private static func noise(_ shape: Shape, _ device: Device) -> Tensor {
        var state: UInt32 = 2_463_534_242
        let values = (0..<shape.elementCount).map { _ -> Float in
            state ^= state << 13
            state ^= state >> 17
            state ^= state << 5
            return Float(state) / 4_294_967_296 - 0.5
        }
        return Tensor(values, shape, device: device)
    }
}
