import Foundation
import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct PartFilesTests {
    private func write(_ tensors: [(name: String, value: Tensor)], in folder: String) throws {
        try Safetensors.write(tensors, to: "\(folder)/model.safetensors")
        try Data("{}".utf8).write(to: URL(filePath: "\(folder)/config.json"))
        try Data().write(to: URL(filePath: "\(folder)/nothing"))
    }

    private let row = Tensor((0..<256).map { Float($0) / 100 - 1 }, [4, 64])

    /// Large files, where any is large, are looked at by their tensors.
    @Test(arguments: [0, 1 << 20])
    func oneTensorBetweenOthersTellsFilesApart(wholeUpTo: Int) throws {
        try withTemporaryFolder { folder in
            func mark(_ middle: Tensor) throws -> String {
                try write([("a", row), ("b", middle), ("c", row)], in: folder)
                return try PartFiles(at: folder).fingerprint(wholeUpTo: wholeUpTo)
            }
            let first = try mark(row)
            #expect(try mark(row) == first)
            #expect(try mark(row + 0.01) != first)
        }
    }

    @Test(arguments: [DType.float16, .bfloat16, .q8_0, .q4_0])
    func narrowTensorsAreLookedAtToo(dtype: DType) throws {
        try withTemporaryFolder { folder in
            func mark(_ value: Tensor) throws -> String {
                let stored = dtype.isBlocked ? value.quantized(to: dtype) : value.cast(to: dtype)
                try GGUF.write(
                    [StoredTensor(name: "a", value: stored)], metadata: [],
                    to: "\(folder)/model.gguf")
                return try PartFiles(at: folder).fingerprint(wholeUpTo: 0)
            }
            let first = try mark(row)
            #expect(try mark(row) == first)
            #expect(try mark(row * -1) != first)
        }
    }

    @Test(arguments: [0, 1 << 20])
    func whatIsNoCheckpointIsReadWhole(wholeUpTo: Int) throws {
        try withTemporaryFolder { folder in
            try write([("a", row)], in: folder)
            let first = try PartFiles(at: folder).fingerprint(wholeUpTo: wholeUpTo)
            try Data("[]".utf8).write(to: URL(filePath: "\(folder)/config.json"))
            let second = try PartFiles(at: folder).fingerprint(wholeUpTo: wholeUpTo)
            #expect(second != first)
            try FileManager.default.moveItem(
                atPath: "\(folder)/nothing", toPath: "\(folder)/something")
            #expect(try PartFiles(at: folder).fingerprint(wholeUpTo: wholeUpTo) != second)
        }
    }

    @Test func aFileIsAPartToo() throws {
        try withTemporaryFolder { folder in
            try write([("a", row)], in: folder)
            let file = "\(folder)/config.json"
            let first = try PartFiles(at: file).fingerprint()
            try Data("[]".utf8).write(to: URL(filePath: file))
            #expect(try PartFiles(at: file).fingerprint() != first)
            #expect(throws: CheckpointError.self) {
                try PartFiles(at: "\(folder)/absent").fingerprint()
            }
        }
    }
}
