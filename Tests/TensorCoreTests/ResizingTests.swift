import TensorCore
import TestSupport
import Testing

@Suite struct ResizingTests {
    private let image = recipeInput("image", [1, 2, 6, 7])

    @Test func resizesAsPyTorch() throws {
        let checks = try FixtureChecks("resizing", "Resizing")
        let modes: [(String, Interpolation, Interpolation)] = [
            ("bilinear", .linear, .smoothLinear), ("bicubic", .cubic, .smoothCubic),
        ]
        for (mode, plain, smooth) in modes {
            for sizes in [[12, 15], [4, 5], [6, 11], [1, 1]] {
                let name = "\(mode).\(sizes[0])x\(sizes[1])"
                checks.expect(name, [image]) { $0[0].resized(to: sizes, plain) }
                checks.expect("\(name).corners", [image]) {
                    $0[0].resized(to: sizes, plain, aligningCorners: true)
                }
                checks.expect("\(name).smooth", [image]) { $0[0].resized(to: sizes, smooth) }
            }
            checks.expect("\(mode).scaled", [image]) {
                $0[0].resized(to: [10, 4], plain, scales: [1.7, 0.6])
            }
        }
        checks.expect("nearest", [image]) { $0[0].resizedNearest(to: [14, 5]) }
        checks.expect("linear", [recipeInput("line", [2, 3, 11])]) {
            $0[0].resized(to: [25], .linear)
        }
        checks.expect("trilinear", [recipeInput("volume", [1, 2, 3, 4, 5])]) {
            $0[0].resized(to: [5, 3, 8], .linear)
        }
    }

    @Test func agreesWithThePlainLoopsOnViewsAndWideRows() {
        for (sizes, method) in [
            ([40, 70], .linear), ([9, 8], .smoothCubic), ([33, 16], .cubic), ([3, 0], .linear),
        ] as [([Int], Interpolation)] {
            for (name, view) in viewMakers {
                expectAgreement("\(method) to \(sizes), \(name)") {
                    view(numbers("x", [2, 3, 17, 35], on: $0)).resized(to: sizes, method)
                }
            }
        }
    }

    @Test func hasTheGradientsOfDifferences() {
        let small = recipeInput("small", [1, 2, 3, 4])
        expectGradients("cubic", of: [small]) { $0[0].resized(to: [5, 2], .cubic) }
        expectGradients("smooth", of: [small]) { $0[0].resized(to: [2, 3], .smoothLinear) }
        expectGradients("nearest", of: [small]) { $0[0].resizedNearest(to: [7, 3]) }
    }
}
