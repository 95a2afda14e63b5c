extension ReferenceBackend {
    func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
        let (batch, m, k, n) = (a.shape[0], a.shape[1], a.shape[2], b.shape[2])
        let (x, y) = (values(a), values(cast(b, to: .float32)))
        var results = [Float](repeating: 0, count: batch * m * n)
        for item in 0..<batch {
            for row in 0..<m {
                for column in 0..<n {
                    var sum = 0.0
                    for index in 0..<k {
                        sum +=
                            Double(x[(item * m + row) * k + index])
                            * Double(y[(item * k + index) * n + column])
                    }
                    results[(item * m + row) * n + column] = Float(sum)
                }
            }
        }
        return tensor(results, [batch, m, n])
    }

    func linear(
        _ x: Tensor, weight: Tensor, bias: Tensor?, activation: Activation, residual: Tensor?
    ) -> Tensor {
        let w = cast(weight, to: .float32)
        let product = matmul(
            x.unsqueezed(0), w.transposed().unsqueezed(0)
        ).squeezed(0)
        let n = weight.shape[0]
        let (b, r) = (bias.map(values), residual.map(values))
        let results = values(product).enumerated().map { index, value in
            activation(value + (b?[index % n] ?? 0)) + (r?[index] ?? 0)
        }
        return tensor(results, product.shape)
    }
}
