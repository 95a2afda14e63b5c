import TensorCore
import TestSupport
import Testing

@Suite struct AutogradTests {
    private func input(_ shape: Shape = [3, 4]) -> Tensor { recipeInput("x", shape) }

    @Test func gradientsOfViewsGoBackToTheirElements() {
        expectGradients("reshaped", of: [input()]) { $0[0].reshaped([2, 6]) }
        expectGradients("permuted", of: [input([2, 3, 4])]) { $0[0].permuted(2, 0, 1) }
        expectGradients("transposed and reshaped", of: [input()]) { $0[0].transposed().flattened() }
        expectGradients("sliced", of: [input()]) { $0[0].sliced(1, 1..<3) }
        expectGradients("selected", of: [input()]) { $0[0].selected(1, -1 + 4) }
        expectGradients("unsqueezed", of: [input()]) { $0[0].unsqueezed(1).unsqueezed(-1) }
        expectGradients("broadcast", of: [input([3, 1])]) { $0[0].broadcast(to: [2, 3, 5]) }
        expectGradients("heads", of: [input([2, 3, 4])]) { $0[0].splitHeads(2) }
        expectGradients("repeated", of: [input()]) { $0[0].repeated(3, axis: 0) }
    }

    @Test func gradientsOfCopiesGoBackToTheirParts() {
        expectGradients("dense", of: [input()]) { $0[0].transposed().dense() }
        expectGradients("padded", of: [input()]) {
            $0[0].padded([(before: 1, after: 2), (before: 0, after: 3)], value: 7)
        }
        expectGradients("concatenated", of: [input(), recipeInput("y", [3, 2])]) {
            Tensor.concatenate([$0[0], $0[1], $0[0]], axis: 1)
        }
        expectGradients("stacked", of: [input(), recipeInput("y", [3, 4])]) {
            Tensor.stack([$0[1], $0[0]], axis: 1)
        }
        expectGradients("tiled", of: [input()]) { $0[0].tiled(3, axis: 1) }
        expectGradients("split", of: [input([2, 6])]) { inputs in
            let parts = inputs[0].split(3, axis: 1)
            return Tensor.concatenate([parts[2], parts[0], parts[2]], axis: 0)
        }
    }

    @Test func gradientsPassStoredTypesUnchanged() {
        let found = withGradients {
            let x = Tensor([1, 2, 3]).differentiable()
            let seed = Tensor([0.1, 0.2, 0.3])
            return gradients(of: [(x.cast(to: .bfloat16).cast(to: .float32), seed)])[x]
        }
        #expect(found?.floats() == [0.1, 0.2, 0.3])
    }

    @Test func recordsNothingOutsideAScope() {
        let weight = Parameter("w", input())
        let (value, constant) = (weight.value, input().differentiable())
        #expect(!value.isTracked && !constant.isTracked)
        withGradients {
            #expect(weight.value.isTracked && weight.value.transposed().isTracked)
            #expect(!weight.value.detached().transposed().isTracked)
            withoutGradients { #expect(!weight.value.isTracked) }
            weight.isTrainable = false
            #expect(!weight.value.isTracked)
        }
    }

    @Test func severalRootsAndUsesOfAParameterAddUp() {
        let weight = Parameter("w", Tensor([1, 2, 3, 4], [2, 2]))
        let (a, b) = withGradients { (weight.value.flattened(), weight.value.transposed()) }
        let found = gradients(of: [
            (a, Tensor([1, 1, 1, 1])), (b, Tensor([10, 20, 30, 40], [2, 2])),
        ])
        #expect(found[weight]?.floats() == [11, 31, 21, 41])
        let names = found.parameters.map(\.name)
        #expect(names == ["w"])
    }

    @Test func accumulatesScalesAndClips() {
        let (a, b) = (Parameter("a", Tensor([0, 0])), Parameter("b", Tensor([0])))
        func pass(_ value: Float, _ parameter: Parameter) -> Gradients {
            let count = parameter.value.count
            return withGradients {
                gradients(of: [
                    (parameter.value, Tensor([Float](repeating: value, count: count)))
                ])
            }
        }
        var sum = pass(1, a)
        sum += pass(2, a)
        sum += pass(-2, b)
        #expect(sum[a]?.floats() == [3, 3] && sum[b]?.floats() == [-2])
        sum.scale(by: 2)
        #expect(abs(sum.norm - Float(88).squareRoot()) < 1e-5)
        #expect(sum.clip(toNorm: 1) > 9)
        #expect(abs(sum.norm - 1) < 1e-5)
        let before = sum[a]?.floats()
        sum.clip(toNorm: 5)
        #expect(sum[a]?.floats() == before)
    }

    @Test func aKeptRecordServesTwice() {
        let (x, y) = withGradients {
            let x = input().differentiable()
            return (x, x.transposed())
        }
        let seed = recipeInput("seed", [4, 3])
        let first = gradients(of: [(y, seed)], keepingGraph: true)
        let second = gradients(of: [(y, seed)])
        #expect(first[x]?.floats() == second[x]?.floats() && first[x] != nil)
    }

    @Test func aSpentRecordStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let y = withGradients { Tensor([1, 2]).differentiable().unsqueezed(0) }
            _ = gradients(of: [(y, y.detached())])
            _ = gradients(of: [(y, y.detached())])
        }
    }

    @Test func aLossWithoutARecordStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            let weight = Parameter("w", Tensor([1, 2]))
            _ = weight.value.sum().backward()
        }
    }

    @Test func checkpointedBodiesGiveTheSameGradients() {
        let weight = Parameter("w", recipeInput("w", [4, 5]))
        let body: @Sendable ([Tensor]) -> Tensor = { inputs in
            Tensor.concatenate([inputs[0].transposed(), weight.value], axis: 1)
        }
        func run(_ layer: ([Tensor]) -> Tensor) -> (x: [Float]?, w: [Float]?) {
            let (x, y) = withGradients {
                let x = input().differentiable()
                return (x, layer([x]))
            }
            let found = gradients(of: [(y, recipeInput("seed", y.shape))])
            return (found[x]?.floats(), found[weight]?.floats())
        }
        let (plain, saving) = (run(body), run { checkpointed($0, body) })
        #expect(plain.x != nil && plain.w != nil)
        #expect(plain.x == saving.x && plain.w == saving.w)
    }

    @Test func parametersLeaveThePassAsSoonAsTheyAreFinished() {
        let all = ["early", "shared", "late", "unused"].map {
            Parameter($0, recipeInput($0, [3, 3]))
        }
        let (early, shared, late) = (all[0], all[1], all[2])
        @Sendable func block(_ x: Tensor) -> Tensor {
            checkpointed([x]) { $0[0].matmul(shared.value).gelu() }
        }
        func loss() -> Tensor {
            withGradients {
                let x = block(Tensor([1, 2, 3], [1, 3]).matmul(early.value))
                return block(x).matmul(late.value).sum()
            }
        }
        let expected = loss().backward()
        var order: [String] = []
        loss().backward(scale: 1, to: all) { index, gradient in
            order.append(all[index].name)
            #expect(gradient?.floats() == expected[all[index]]?.floats())
        }
        #expect(order == ["unused", "late", "shared", "early"])
    }

    @Test func aTensorSmuggledIntoACheckpointStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            withGradients {
                let hidden = Tensor([1, 2]).differentiable().unsqueezed(0)
                let y = checkpointed([]) { _ in hidden.transposed() }
                _ = gradients(of: [(y, y.detached())])
            }
        }
    }

    @Test func longChainsNeitherRecurseNorLeak() async {
        // The memory of tensors is the process's.
        await #expect(processExitsWith: .success) {
            let before = TensorMemory.current
            do {
                let count = 50_000
                let result = withGradients {
                    let x = Tensor([1]).differentiable()
                    // Each product keeps its operands for the way back.
                    let end = (0..<count).reduce(x) { y, _ in y * y }
                    // A second chain goes away unused.
                    _ = (0..<count).reduce(x) { y, _ in y * y }
                    precondition(TensorMemory.current - before >= 2 * 4 * count)
                    return gradients(of: [(end.unsqueezed(0).squeezed(0), Tensor([0]))])[x]
                }
                precondition(result?.floats() == [0])
            }
            let left = TensorMemory.current - before
            precondition(left == 0, "\(left) bytes are still held")
        }
    }
}
