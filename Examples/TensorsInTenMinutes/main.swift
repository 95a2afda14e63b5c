// The program of the page "Tensors in ten minutes": sections in the same order.

import TensorCore

// Make some.
let x = Tensor([1, 2, 3, 4, 5, 6], [2, 3])
let zeros = Tensor.zeros([2, 3])
var random = TorchGenerator(seed: 0)
let noise = random.normal([2, 3])
print(x, x.shape, x.dtype, noise.floats()[0])

// Look at them in another way.
let rows = x.transposed()
let second = x[1]
let corner = x.sliced(1, 0..<2)
print(rows.shape, second.floats(), corner.floats())

// Compute.
let y = (x - x.mean([1], keepingAxes: true)) * 2 + zeros
let probabilities = y.softmax()
let product = x.matmul(rows)
print(probabilities.sum([1]).floats(), product.floats())

// Put layers together: a checkpoint would be read in the same way.
let weights = Weights.fresh(seed: 42)
let hidden = try Linear(3, 16, from: weights["hidden"])
let output = try Linear(16, 1, from: weights["output"])
func network(_ x: Tensor) -> Tensor { output(hidden(x, activation: .silu)) }
print(weights.parameters.map { "\($0.name) \($0.value.shape)" })

// Differentiate, and go downhill.
let target = Tensor([1, -1], [2, 1])
for step in 0...100 {
    let loss = withGradients { (network(x) - target).squared().mean() }
    let gradients = loss.backward()
    for parameter in weights.parameters {
        guard let gradient = gradients[parameter] else { continue }
        parameter.replace(with: parameter.value - gradient * 0.05)
    }
    if step % 50 == 0 { print("step \(step): loss \(loss.item())") }
}
