let identity = Tensor([1, 0, 0, 1] as [Float], [2, 2])
let product = Tensor([1, 2, 3, 4] as [Float], [2, 2]).matmul(identity)
guard product.floats() == [1, 2, 3, 4] else { fatalError("\(product)") }
print("core: \(Modality.allCases.count) media, product \(product.shape)")
