import TensorCore
import TestSupport
import Testing

@Suite struct SpectraTests {
    @Test(arguments: [1, 2, 7, 12, 30, 37]) func transformsAsPyTorch(_ n: Int) throws {
        let checks = try FixtureChecks("spectra", "Fourier transforms")
        let pairs = recipeInput("pairs", [3, n, 2])
        checks.expect("complex.\(n)", [pairs]) { $0[0].fourierTransform() }
        checks.expect("complex.\(n).inverse", [pairs]) { $0[0].fourierTransform(inverse: true) }
        checks.expect("real.\(n)", [recipeInput("row", [3, n])]) {
            $0[0].realFourierTransform()
        }
        checks.expect("real.\(n).inverse", [recipeInput("bins", [3, n / 2 + 1, 2])]) {
            $0[0].inverseRealFourierTransform(n)
        }
    }

    @Test func transformsFramesAsPyTorch() throws {
        let checks = try FixtureChecks("spectra", "Short-time Fourier transforms")
        let sound = recipeInput("sound", [2, 100])
        func window(_ x: [Tensor], _ size: Int) -> Tensor {
            .hannWindow(size, device: x[0].device)
        }
        checks.expect("stft", [sound]) {
            $0[0].shortTimeFourierTransform(16, hop: 5, window: window($0, 16))
        }
        checks.expect("stft.short", [sound]) {
            $0[0].shortTimeFourierTransform(16, hop: 5, window: window($0, 11))
        }
        checks.expect("stft.left", [sound]) {
            $0[0].shortTimeFourierTransform(16, hop: 5, isCentered: false)
        }
        checks.expect("stft.odd", [sound]) {
            $0[0].shortTimeFourierTransform(
                15, hop: 5, window: window($0, 15), padding: .replicate)
        }
        let spectrum = recipeInput("spectrum", [2, 9, 21, 2])
        checks.expect("istft", [spectrum]) {
            $0[0].inverseShortTimeFourierTransform(16, hop: 5, window: window($0, 16))
        }
        checks.expect("istft.length", [spectrum]) {
            $0[0].inverseShortTimeFourierTransform(
                16, hop: 5, window: window($0, 16), length: 93)
        }
        for (name, isPeriodic) in [("hann", true), ("hann.symmetric", false)] {
            #expect(
                Tensor.hannWindow(21, isPeriodic: isPeriodic).isClose(
                    to: checks.fixture[name], absolute: 1e-6))
        }
    }

    @Test func agreesWithTheSumItselfAtEveryKindOfLength() {
        // Radices 2 to 5, other primes, one too large for a stage, and rows beyond a vector.
        for n in [1, 3, 4, 5, 6, 8, 9, 16, 25, 27, 49, 60, 64, 66, 74, 82, 101, 128, 400] {
            for rows in [1, 17] where rows * n < 3000 {
                expectAgreement("complex \(n)", 2e-6) {
                    numbers("x", [rows, n, 2], on: $0).fourierTransform()
                }
                expectAgreement("complex \(n), inverse", 2e-6) {
                    numbers("x", [2, rows, n], on: $0).permuted(1, 2, 0).fourierTransform(
                        inverse: true)
                }
                expectAgreement("real \(n)", 2e-6) {
                    numbers("x", [rows, n], on: $0).realFourierTransform()
                }
                expectAgreement("real \(n), inverse", 2e-6) {
                    numbers("x", [rows, n / 2 + 1, 2], on: $0).inverseRealFourierTransform(n)
                }
            }
        }
    }

    @Test func findsASoundAgainFromItsFrames() {
        let sound = recipeInput("sound", [3, 20_000])
        let window = Tensor.hannWindow(400)
        let spectra = sound.shortTimeFourierTransform(400, hop: 160, window: window)
        #expect(spectra.shape == [3, 201, 126, 2])
        let again = spectra.inverseShortTimeFourierTransform(
            400, hop: 160, window: window, length: 20_000)
        #expect(again.isClose(to: sound, absolute: 2e-5))
    }

    @Test func addsFramesUp() {
        for (frames, size, hop) in [(1, 5, 3), (7, 4, 4), (40, 9, 2), (50, 1024, 400)] {
            expectAgreement("\(frames) frames of \(size) every \(hop)") {
                numbers("x", [2, frames, size], on: $0).overlapAdded(hop: hop)
            }
        }
    }

    @Test func hasTheGradientsOfDifferences() {
        for n in [5, 6] {
            let pairs = recipeInput("pairs", [2, n, 2])
            expectGradients("complex \(n)", of: [pairs]) { $0[0].fourierTransform() }
            expectGradients("complex \(n), inverse", of: [pairs]) {
                $0[0].fourierTransform(inverse: true)
            }
            expectGradients("real \(n)", of: [recipeInput("row", [2, n])]) {
                $0[0].realFourierTransform()
            }
            expectGradients("real \(n), inverse", of: [recipeInput("bins", [2, n / 2 + 1, 2])]) {
                $0[0].inverseRealFourierTransform(n)
            }
        }
        let sound = recipeInput("short sound", [2, 14])
        expectGradients("frames", of: [sound]) { $0[0].framed(5, hop: 3) }
        expectGradients("short-time", of: [sound]) {
            $0[0].shortTimeFourierTransform(6, hop: 2, window: .hannWindow(6, device: $0[0].device))
        }
        expectGradients("overlap", of: [recipeInput("frames", [2, 3, 4])]) {
            $0[0].overlapAdded(hop: 2)
        }
    }
}
