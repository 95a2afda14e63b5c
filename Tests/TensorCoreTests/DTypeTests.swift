import TensorCore
import TestSupport
import Testing

@Suite struct DTypeTests {
    /// The elements as bytes; NaN in one form.
    private func bits(_ x: Tensor) -> [UInt64] {
        if x.dtype == .bool { return x.integers().map { UInt64($0) } }
        if !x.dtype.isFloatingPoint {
            return x.integers().map { UInt64(bitPattern: Int64($0)) }
        }
        return x.cast(to: .float64).withBytes { bytes in
            bytes.bindMemory(to: Double.self).map { $0.isNaN ? 1 : $0.bitPattern }
        }
    }

    @Test func castsAsPyTorchDoes() throws {
        let fixture = try Fixture("casting")
        for stored in fixture.checkpoint.tensors {
            let parts = stored.name.split(separator: ".").map(String.init)
            guard parts.count == 2, let dtype = DType(rawValue: parts[1]) else { continue }
            for device in [Device.reference, .cpu] {
                let source =
                    parts[0] == "small" ? fixture["reals"].sliced(0, 0..<9) : fixture[parts[0]]
                let found = source.on(device).cast(to: dtype)
                #expect(found.dtype == dtype)
                #expect(bits(found) == bits(fixture[stored.name]), "\(stored.name), \(device)")
            }
        }
    }

    @Test func fixesWhatPyTorchLeavesToTheProcessor() {
        let odd = Tensor([.nan, .infinity, -.infinity, 1e19, -1e19, 300.7, -129.2, 4e9])
        for device in [Device.reference, .cpu] {
            func cast(_ dtype: DType) -> [Int] { odd.on(device).cast(to: dtype).integers() }
            let least = Int.min
            #expect(cast(.int64) == [least, least, least, least, least, 300, -129, 4_000_000_000])
            #expect(cast(.int32) == [0, 0, 0, 0, 0, 300, -129, -294_967_296])
            #expect(cast(.int8) == [0, 0, 0, 0, 0, 44, 127, 0])
            #expect(cast(.uint8) == [0, 0, 0, 0, 0, 44, 127, 0])
            #expect(cast(.bool) == [1, 1, 1, 1, 1, 1, 1, 1])
        }
    }

    @Test func countsBytesInBlocks() {
        #expect(DType.q4_K.byteCount(of: 512) == 288 && DType.q6_K.byteCount(of: 256) == 210)
        #expect(DType.float16.byteCount(of: 3) == 6 && !DType.float16.isBlocked)
        #expect(DType.q8_0.isFloatingPoint && DType.q8_0.blockSize == 32)
        #expect(Tensor.zeros([2, 64]).quantized(to: .q4_0).byteCount == 72)
    }

    @Test func filesWithoutBlocksSaySo() throws {
        let weight = recipeInput("w", [2, 32]).quantized(to: .q8_0)
        try withTemporaryFolder { folder in
            let path = "\(folder)/w"
            #expect(
                throws: CheckpointError.unsupported(
                    file: path, what: "'w' as q8_0",
                    mend: "Write a .gguf file, or cast it to float32 or bfloat16.")
            ) { try Safetensors.write([("w", weight)], to: path) }
            #expect(throws: CheckpointError.self) {
                try PyTorchArchive.write([("w", weight)], to: path)
            }
            #expect(throws: CheckpointError.self) { try Npy.write(weight, to: path) }
        }
    }
}
