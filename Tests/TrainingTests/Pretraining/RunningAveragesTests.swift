import TensorCore
import TestSupport
import Testing
import Training

@Suite struct RunningAveragesTests {
    @Test func followsTheFormula() {
        let weight = Parameter("w", Tensor([0]))
        let averages = RunningAverages(of: [weight], decay: 0.3)
        var expected = 0.0
        for count in 1...6 {
            weight.replace(with: Tensor([Float(count)]))
            averages.update()
            let kept = min(0.3, (1 + Double(count)) / (10 + Double(count)))
            expected = kept * expected + (1 - kept) * Double(count)
        }
        #expect(abs(Double(averages.tensors[0].value.item()) - expected) < 1e-5)
        #expect(averages.updates == 6)
    }

    @Test func standsInForTheWeightsOnlyWhileAskedTo() {
        let weight = Parameter("w", Tensor([0]))
        let averages = RunningAverages(of: [weight], decay: 0.99)
        weight.replace(with: Tensor([1]))
        averages.update()
        let inside = averages.replacingWeights { weight.value.item() }
        #expect(abs(inside - 9.0 / 11) < 1e-6)
        #expect(weight.value.item() == 1)
    }

    @Test func refusesTheStateOfOtherWeights() throws {
        try withTemporaryFolder { folder in
            let file = "\(folder)/state.safetensors"
            let averages = RunningAverages(of: [Parameter("w", Tensor([0, 1]))], decay: 0.9)
            try Safetensors.write(averages.state, to: file)
            let checkpoint = try Checkpoint(contentsOf: file)
            let longer = RunningAverages(of: [Parameter("w", Tensor([0, 1, 2]))], decay: 0.9)
            #expect(
                throws: CheckpointError.shapeMismatch(
                    name: "average.w", found: [2], expected: [3], file: file)
            ) { try longer.restore(checkpoint) }
            let other = RunningAverages(of: [Parameter("v", Tensor([0, 1]))], decay: 0.9)
            #expect(
                throws: CheckpointError.missing(name: "average.v", expected: [2], file: file)
            ) { try other.restore(checkpoint) }
        }
    }
}
