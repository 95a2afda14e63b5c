import TensorCore
import TestSupport
import Testing

private let blockTypes: [DType] = [.q8_0, .q4_0, .q4_K, .q6_K]

@Suite struct QuantizingTests {
    @Test(arguments: [DType.q8_0, .q4_0]) func writesWhatGGMLWrites(_ dtype: DType) throws {
        let fixture = try Fixture("blocks")
        let written = fixture["x"].quantized(to: dtype)
        #expect(
            written.withBytes { Array($0) }
                == fixture["\(dtype).written"].withBytes { Array($0) }, "\(dtype)")
    }

    @Test(arguments: blockTypes) func readsEveryBlockAsItsFormulaSays(_ dtype: DType) throws {
        let fixture = try Fixture("blocks")
        let (stored, expected) = (fixture["\(dtype).bytes"], fixture["\(dtype).read"])
        for device in [Device.reference, .cpu] {
            let blocks = stored.withBytes {
                Tensor(copying: $0, dtype, expected.shape, device: device)
            }
            #expect(blocks.byteCount == stored.count)
            #expect(blocks.floats() == expected.floats(), "\(dtype), \(device)")
        }
    }

    /// Root mean square errors, relative to that of uniform numbers, against those of exact scales
    /// (2⁻ᵇ, more for scales that are rounded).
    @Test(arguments: zip(blockTypes, [0.0040, 0.075, 0.064, 0.0165] as [Float]))
    func losesNoMoreThanTheBitsThatAreMissing(_ dtype: DType, _ bound: Float) {
        let x = recipeInput("x", [16, 1024])
        let error = (x.quantized(to: dtype).cast(to: .float32) - x).squared().sum().item()
        let relative = (error / x.squared().sum().item()).squareRoot()
        #expect(relative < bound, "\(dtype): \(relative)")
        #expect(relative > bound / 3, "\(dtype): \(relative)")
    }

    @Test(arguments: blockTypes) func keepsZerosConstantsAndOddNumbers(_ dtype: DType) {
        let zeros = Tensor.zeros([2, 256])
        #expect(zeros.quantized(to: dtype).floats() == zeros.floats())
        func constant(_ value: Double) -> [Float] {
            Tensor.full([256], value).quantized(to: dtype).floats()
        }
        for value in [3, -0.25] as [Float] {
            for element in constant(Double(value)) {
                #expect(abs(element - value) <= 0.02 * abs(value), "\(dtype): \(element)")
            }
        }
        // A scale is a half: what is below its least is nothing, what is beyond its greatest not
        // a number in blocks of 32, and the greatest in those of 256.
        #expect(constant(1e-30).allSatisfy { $0 == 0 })
        let beyond = constant(1e30)
        if dtype.blockSize == 32 {
            #expect(beyond.allSatisfy { !$0.isFinite }, "\(dtype): \(beyond[0])")
        } else {
            #expect(beyond.allSatisfy { $0.isFinite && $0 > 1e7 }, "\(dtype): \(beyond[0])")
            #expect(constant(.infinity) == beyond && constant(-1e30).allSatisfy { $0 < -1e6 })
        }
        var odd = recipeInput("x", [256]).floats()
        (odd[5], odd[200]) = (.nan, .nan)
        let withNaN = Tensor(odd).quantized(to: dtype)
        (odd[5], odd[200]) = (0, 0)
        let withZeros = Tensor(odd).quantized(to: dtype)
        #expect(withNaN.withBytes { Array($0) } == withZeros.withBytes { Array($0) })
    }

    @Test(arguments: blockTypes) func copiesWholeBlocks(_ dtype: DType) {
        let x = numbers("x", [6, 512], on: .cpu, dtype)
        let wide = x.cast(to: .float32)
        #expect(x.sliced(1, 256..<512).dense().floats() == wide.sliced(1, 256..<512).floats())
        #expect(
            x.reshaped([2, 3, 512]).permuted(1, 0, 2).dense().floats()
                == wide.reshaped([2, 3, 512]).permuted(1, 0, 2).floats())
        #expect(
            Tensor.concatenate([x[4..<6], x[0..<1]], axis: 0).floats()
                == wide[4..<6].floats() + wide[0..<1].floats())
        #expect(
            Tensor.concatenate([x, x], axis: 1)[3].floats() == wide[3].floats() + wide[3].floats())
        #expect(x.on(.reference).floats() == wide.floats())
        #expect(x.cast(to: .float16).floats() == wide.cast(to: .float16).floats())
        #expect((x + 1).floats() == (wide + 1).floats())
        #expect("\(x)".hasPrefix("Tensor(\(dtype) [6, 512]"))
        let ids = Tensor([3, 0, 3] as [Int32])
        #expect(x.rows(at: ids).floats() == wide.rows(at: ids).floats())
    }

    @Test func refusesToSplitABlock() async {
        await #expect(processExitsWith: .failure) {
            _ = recipeInput("x", [2, 64]).quantized(to: .q8_0).sliced(1, 16..<48)
        }
        await #expect(processExitsWith: .failure) {
            _ = recipeInput("x", [32, 32]).quantized(to: .q8_0).transposed()
        }
        await #expect(processExitsWith: .failure) {
            _ = recipeInput("x", [2, 48]).quantized(to: .q4_0)
        }
        await #expect(processExitsWith: .failure) {
            _ = recipeInput("x", [2, 32]).cast(to: .q4_0)
        }
    }
}
