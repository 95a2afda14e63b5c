import TensorCore
import TestSupport
import Testing

private let cube = recipeInput("cube", [4, 5, 6])
private let ids = Tensor([3, 0, 3, 2, 2, 3] as [Int32])
private let few = Tensor([1, 0, 3, 3, 3, 2, 0, 0, 0, 2, 1, 3] as [Int32], [2, 2, 3])

@Suite struct IndexingTests {
    @Test func picksAddsAndWritesAsPyTorch() throws {
        let checks = try FixtureChecks("picking", "Indexing")
        checks.expect("rows", [recipeInput("table", [7, 5])]) {
            $0[0].rows(at: Tensor([6, 0, 6, 3] as [Int32], [2, 2], device: $0[0].device))
        }
        let source = recipeInput("source", [2, 2, 3])
        for axis in 0..<3 {
            checks.expect("select.\(axis)", [cube]) {
                $0[0].selected(axis, at: ids.on($0[0].device))
            }
            var shape = cube.shape
            shape[axis] = 6
            checks.expect("add.\(axis)", [cube, recipeInput("slices", shape)]) {
                $0[0].adding($0[1], axis, at: ids.on($0[0].device))
            }
            checks.expect("gather.\(axis)", [cube]) {
                $0[0].gathered(axis, at: few.on($0[0].device))
            }
            checks.expect("scatterAdd.\(axis)", [cube, source]) {
                $0[0].scatterAdded($0[1], axis, at: few.on($0[0].device))
            }
        }
        checks.expect("scatter", [cube, source]) {
            let distinct = Tensor([3, 0, 1, 2, 1, 3, 0, 2, 2, 1, 3, 0] as [Int32], [2, 2, 3])
            return $0[0].scattered($0[1], 1, at: distinct.on($0[0].device))
        }
    }

    @Test func reordersAndPadsAsPyTorch() throws {
        let checks = try FixtureChecks("picking", "Indexing")
        checks.expect("flip", [cube]) { $0[0].flipped(0, 2) }
        checks.expect("roll", [cube]) { $0[0].rolled(-7, axis: 1) }
        checks.expect("roll.on", [cube]) { $0[0].rolled(2, axis: 0) }
        let image = recipeInput("image", [2, 3, 4, 5])
        checks.expect("pad.reflect", [image]) {
            $0[0].padded([(0, 0), (0, 0), (1, 3), (4, 2)], .reflect)
        }
        checks.expect("pad.replicate", [image]) {
            $0[0].padded([(0, 0), (0, 0), (0, 3), (6, 2)], .replicate)
        }
        checks.expect("pad.circular", [image]) {
            $0[0].padded([(0, 0), (0, 0), (1, 4), (5, 2)], .circular)
        }
        checks.expect("pad.line", [recipeInput("line", [2, 3, 7])]) {
            $0[0].padded([(0, 0), (0, 0), (6, 5)], .reflect)
        }
    }

    @Test(arguments: DType.allCases.filter { !$0.isBlocked }) func picksEveryType(_ dtype: DType) {
        for (name, view) in viewMakers {
            for axis in 0..<3 {
                expectAgreement("select \(dtype) \(name) \(axis)", 0) {
                    view(numbers("x", [9, 8, 7], on: $0, dtype, scale: 100)).selected(
                        axis, at: Tensor([6, 1, 1, 0] as [Int32], device: $0).cast(to: .int64))
                }
                expectAgreement("gather \(dtype) \(name) \(axis)", 0) {
                    view(numbers("x", [4, 5, 4], on: $0, dtype, scale: 100)).gathered(
                        axis, at: view(few.on($0)))
                }
                expectAgreement("scatter \(dtype) \(name) \(axis)", 0) {
                    view(numbers("x", [4, 5, 4], on: $0, dtype, scale: 100)).scattered(
                        view(numbers("y", [2, 2, 3], on: $0, dtype, scale: 100)), axis,
                        at: view(few.on($0)))
                }
            }
        }
    }

    @Test func addsManySlicesAlikeOnAnyNumberOfThreads() {
        // Rows on both sides of the stripes that the work is split into.
        for (count, width, rows) in [(300, 1, 40), (500, 33, 40), (200, 1024, 7), (90, 2500, 50)] {
            expectAgreement("add rows of \(width)") { device in
                let ids = recipeNumbers("ids", count).map { Int32(($0 + 0.5) * Double(rows)) }
                return Tensor.zeros([rows, width], device: device).adding(
                    numbers("x", [count, width], on: device), 0, at: Tensor(ids, device: device))
            }
        }
        expectAgreement("scatter along a long axis") { device in
            let ids = recipeNumbers("ids", 60_000).map { Int32(($0 + 0.5) * 11) }
            return Tensor.zeros([20, 11, 3], device: device).scatterAdded(
                numbers("x", [20, 1000, 3], on: device), 1,
                at: Tensor(ids, [20, 1000, 3], device: device))
        }
    }

    @Test(arguments: [Device.reference, .cpu]) func takesEmptyTensors(_ device: Device) {
        let x = Tensor.zeros([3, 0, 4], device: device)
        let none = Tensor([Int32](), device: device)
        #expect(x.selected(0, at: Tensor([2, 2] as [Int32], device: device)).shape == [2, 0, 4])
        #expect(x.selected(1, at: none).shape == [3, 0, 4])
        #expect(Tensor.zeros([5, 2], device: device).rows(at: none).shape == [0, 2])
        #expect(x.gathered(1, at: Tensor.zeros([3, 0, 2], .int32, device: device)).count == 0)
        #expect(x.flipped(0, 1).shape == [3, 0, 4] && x.rolled(2, axis: 1).shape == [3, 0, 4])
    }

    @Test(arguments: [Device.reference, .cpu]) func marksClasses(_ device: Device) {
        let classes = Tensor([2, 0] as [Int32], [2, 1], device: device).oneHot(3)
        #expect(classes.shape == [2, 1, 3] && classes.floats() == [0, 0, 1, 1, 0, 0])
    }

    @Test func stopsAtIndicesOutside() async {
        await #expect(processExitsWith: .failure) {
            _ = Tensor.zeros([3, 2]).rows(at: Tensor([0, 3] as [Int32]))
        }
        await #expect(processExitsWith: .failure) {
            let far = Tensor([Int32(1)]).cast(to: .int64) * Tensor([Int32.max]).cast(to: .int64)
            _ = Tensor.zeros([3, 2]).selected(0, at: (far + far) + (far + far))
        }
        await #expect(processExitsWith: .failure) {
            _ = Tensor.zeros([3, 2]).gathered(1, at: Tensor([-1] as [Int32], [1, 1]))
        }
    }

    @Test func hasTheGradientsOfDifferences() {
        let x = recipeInput("small", [4, 3])
        let two = recipeInput("other", [2, 3])
        func ids(_ x: [Tensor], _ values: [Int32], _ shape: Shape) -> Tensor {
            Tensor(values, shape, device: x[0].device)
        }
        expectGradients("rows", of: [x]) { $0[0].rows(at: ids($0, [3, 0, 3, 1], [2, 2])) }
        expectGradients("select", of: [x]) { $0[0].selected(1, at: ids($0, [2, 2, 0], [3])) }
        expectGradients("add", of: [x, two]) { $0[0].adding($0[1], 0, at: ids($0, [1, 1], [2])) }
        let places: [Int32] = [3, 0, 1, 3, 1, 1]
        expectGradients("gather", of: [x]) { $0[0].gathered(0, at: ids($0, places, [2, 3])) }
        expectGradients("scatterAdd", of: [x, two]) {
            $0[0].scatterAdded($0[1], 0, at: ids($0, places, [2, 3]))
        }
        expectGradients("scatter", of: [x, two]) {
            $0[0].scattered($0[1], 0, at: ids($0, [3, 0, 1, 2, 1, 0], [2, 3]))
        }
        for mode in [PaddingMode.reflect, .replicate, .circular] {
            expectGradients("pad \(mode)", of: [x]) { $0[0].padded([(2, 1), (0, 2)], mode) }
        }
        expectGradients("flip and roll", of: [x]) { $0[0].flipped(0).rolled(-5, axis: 1) }
    }
}
