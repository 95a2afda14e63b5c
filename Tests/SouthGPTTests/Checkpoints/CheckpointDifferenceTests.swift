import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct CheckpointDifferenceTests {
    private func difference(_ a: Tensor, _ b: Tensor, tolerance: Double = 0) throws
        -> CheckpointDifference
    {
        try withTemporaryFolder { folder in
            let (first, second) = ("\(folder)/a.safetensors", "\(folder)/b.safetensors")
            try Safetensors.write([(name: "x", value: a)], to: first)
            try Safetensors.write([(name: "x", value: b)], to: second)
            return try CheckpointDifference(first, second, tolerance: tolerance)
        }
    }

    private func doubles(_ values: [Double]) -> Tensor {
        values.withUnsafeBytes { Tensor(copying: $0, .float64, [values.count]) }
    }

    private func wide(_ values: [Int64]) -> Tensor {
        values.withUnsafeBytes { Tensor(copying: $0, .int64, [values.count]) }
    }

    @Test func seesWhatFloat32DoesNotHold() throws {
        let reals = try difference(doubles([1, 2]), doubles([1, 2 + 1e-12]))
        #expect(!reals.isEqual && reals.equal == 0)
        #expect(abs(try #require(reals.different.first?.largest) - 1e-12) < 1e-15)
        #expect(
            try difference(doubles([1, 2]), doubles([1, 2 + 1e-12]), tolerance: 1e-11).isEqual)
        let tiny = try difference(doubles([0]), doubles([1e-300]))
        #expect(tiny.different.first?.largest == 1e-300)
        let whole = try difference(wide([1 << 53, 7]), wide([1 << 53 + 1, 7]))
        #expect(whole.different.first?.largest == 1 && !whole.isEqual)
        let far = try difference(wide([.min]), wide([.max]))
        #expect(far.different.first?.largest == 0x1p64)
        let mixed = try difference(
            wide([16_777_217]), Tensor([Int32(16_777_216)]))
        #expect(mixed.different.first?.largest == 1)
    }

    @Test func takesBrokenNumbersForWhatTheyAre() throws {
        let odd = Tensor([.nan, .infinity, -0.0])
        #expect(try difference(odd, odd).equal == 1)
        #expect(try difference(odd, Tensor([.nan, .infinity, 0])).equal == 1)
        #expect(
            try difference(odd, Tensor([1, .infinity, 0])).different.first?.largest == .infinity)
        #expect(try difference(Tensor([Float]()), Tensor([Float]())).equal == 1)
    }

    @Test func saysHowFarApartTwoAre() throws {
        let report = try difference(Tensor([1, 2]), Tensor([1, 2.5]).cast(to: .float16))
        #expect(
            report.lines == [
                "x: float32 [2], float16 [2], largest difference 0.5",
                "0 equal, 1 different, 0 and 0 in one only",
            ])
    }
}
