import Foundation
import Synchronization
import TensorCore
import TestSupport
import Testing

@Suite struct PyTorchArchiveTests {
    private func expectAllValues(_ file: String) throws {
        let expected = try Fixture("checkpoints-values")
        let found = try Checkpoint(contentsOf: Fixture.path(file))
        #expect(
            found.tensors.map(\.name).sorted() == expected.checkpoint.tensors.map(\.name).sorted())
        for tensor in found.tensors {
            let (value, reference) = (try tensor.tensor(), expected[tensor.name])
            #expect(tensor.dtype == reference.dtype && value.dtype == reference.dtype)
            #expect(value.shape == reference.shape, "\(tensor.name)")
            #expect(
                value.withBytes { Array($0) } == reference.withBytes { Array($0) },
                "\(tensor.name)")
        }
    }

    @Test func readsTheZipFormat() throws { try expectAllValues("checkpoints.pth") }

    @Test func readsTheFormatBeforeIt() throws { try expectAllValues("checkpoints-legacy.pth") }

    @Test func findsTheWeightsAmongOtherThings() throws {
        let file = try Checkpoint(contentsOf: Fixture.path("checkpoints-wrapped.pt"))
        #expect(file.tensors.map(\.name) == ["a.weight"])
        let expected = recipeInput("base", [4, 6])
        #expect(try file["a.weight"]?.tensor().isClose(to: expected, absolute: 0) == true)
    }

    @Test func writesWhatItReads() throws {
        let fixture = try Fixture("checkpoints-values")
        let tensors = try fixture.checkpoint.tensors.map { ($0.name, try $0.tensor()) }
        try withTemporaryFolder { folder in
            try PyTorchArchive.write(tensors, to: "\(folder)/copy.pth")
            let copy = try Checkpoint(contentsOf: "\(folder)/copy.pth")
            #expect(copy.tensors.map(\.name) == tensors.map(\.0))
            for (name, value) in tensors {
                let again = try #require(try copy[name]?.tensor())
                #expect(again.dtype == value.dtype && again.shape == value.shape)
                #expect(again.withBytes { Array($0) } == value.withBytes { Array($0) })
            }
        }
    }

    /// Converting a model of many gigabytes must not hold more of it than one tensor.
    @Test func keepsNoTensorThatItHasWritten() throws {
        final class Witness: Sendable {
            let counts = Mutex((present: 0, most: 0))
        }
        let (witness, numbers) = (Witness(), [Float](repeating: 1, count: 64))
        let tensors = (0..<6).map { index in
            StoredTensor(name: "t\(index)", dtype: .float32, shape: [64], file: "memory") {
                let memory = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 64)
                numbers.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: 256) }
                witness.counts.withLock { $0 = ($0.present + 1, max($0.most, $0.present + 1)) }
                let storage = HostStorage(taking: memory, byteCount: 256) {
                    $0.deallocate()
                    witness.counts.withLock { $0.present -= 1 }
                }
                return Tensor(storage: storage, device: .cpu, dtype: .float32, shape: [64])
            }
        }
        try withTemporaryFolder { folder in
            var steps: [Int] = []
            try PyTorchArchive.write(tensors, to: "\(folder)/a.pt") { steps.append($0) }
            #expect(steps == Array(0..<6))
            #expect(witness.counts.withLock { $0.most } == 1)
            let again = try Checkpoint(contentsOf: "\(folder)/a.pt")
            #expect(try again["t5"]?.tensor().floats() == numbers)
        }
    }

    @Test func alignsEveryStorageItWrites() throws {
        let tensors = (1..<20).map { ("t\($0)", Tensor([Float](repeating: 1, count: $0))) }
        try withTemporaryFolder { folder in
            try PyTorchArchive.write(tensors, to: "\(folder)/a.bin")
            for tensor in try Checkpoint(contentsOf: "\(folder)/a.bin").tensors {
                let start = try tensor.tensor().withBytes { UInt(bitPattern: $0.baseAddress) }
                #expect(start % 64 == 0)
            }
        }
    }

    @Test func writesShardsThatItsFolderReaderOpens() throws {
        let tensors = (0..<5).map {
            ("layer.\($0)", Tensor([Float](repeating: Float($0), count: 8)))
        }
        try withTemporaryFolder { folder in
            let names = try PyTorchArchive.writeShards(tensors, maxShardBytes: 64, folder: folder)
            #expect(
                names == [
                    "pytorch_model-00001-of-00003.bin", "pytorch_model-00002-of-00003.bin",
                    "pytorch_model-00003-of-00003.bin", "pytorch_model.bin.index.json",
                ])
            let all = try Checkpoint(folder: folder)
            #expect(all.tensors.map(\.name) == tensors.map(\.0))
            #expect(try all["layer.3"]?.tensor().floats() == [Float](repeating: 3, count: 8))
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == names)
        }
    }

    @Test func refusesATruncatedFile() throws {
        let whole = [UInt8](try Data(contentsOf: URL(filePath: Fixture.path("checkpoints.pth"))))
        #expect(
            throws: CheckpointError.malformed(
                file: "weights", rule: "the zip has no end record: it is cut short")
        ) { try opened(Array(whole.dropLast(400))) }
        // The end without the beginning: offsets point nowhere.
        #expect(throws: CheckpointError.self) {
            try opened(Array(whole.prefix(64)) + Array(whole.suffix(1800)))
        }
    }

    @Test func refusesATruncatedFileOfTheOldFormat() throws {
        let path = Fixture.path("checkpoints-legacy.pth")
        let whole = [UInt8](try Data(contentsOf: URL(filePath: path)))
        for count in stride(from: 16, to: whole.count, by: 97) {
            #expect(throws: CheckpointError.self) { try opened(Array(whole.prefix(count))) }
        }
    }

    @Test func survivesAnyDamagedByte() throws {
        let path = Fixture.path("checkpoints.pth")
        let whole = [UInt8](try Data(contentsOf: URL(filePath: path)))
        for position in stride(from: 0, to: whole.count, by: 61) {
            var damaged = whole
            damaged[position] ^= 0x55
            // Either an error or tensors: never a crash.
            _ = try? opened(damaged)
        }
    }

    @Test func refusesAScriptedProgram() {
        let pickle: [UInt8] = [0x80, 2, 0x7D, 0x2E]
        #expect(
            throws: CheckpointError.unsupported(
                file: "weights", what: "a TorchScript program",
                mend: "Save its state_dict with torch.save and use that file.")
        ) { try opened(zip([("a/data.pkl", pickle), ("a/constants.pkl", pickle)])) }
    }

    @Test func refusesAZipThatInflatesToManyTimesItself() {
        let packed = [UInt8](repeating: 0, count: 100_000)
        let sized = zip([("a/data.pkl", packed)], inflating: 2_000_000)
        #expect(
            throws: CheckpointError.malformed(
                file: "weights",
                rule: "its data.pkl has 2000000 bytes, more than the whole file")
        ) { try opened(sized) }
        let bomb = zip([("a.npy", packed)], inflating: 100_000_000)
        #expect(
            throws: CheckpointError.malformed(
                file: "weights",
                rule: "the zip inflates to 100000000 bytes, at most "
                    + "\(64 * bomb.count + 64 << 20) are read")
        ) { try opened(bomb) }
        #expect(
            throws: CheckpointError.malformed(
                file: "weights", rule: "the zip entry 'a.npy' does not inflate")
        ) { try opened(zip([("a.npy", packed)], inflating: 200_000_000)) }
        #expect(
            throws: CheckpointError.malformed(
                file: "weights", rule: "the zip's entries are larger than it is")
        ) { try opened(zip([("a.npy", packed)], copies: 9)) }
    }

    @Test func refusesAZipOfOtherThings() {
        #expect(
            throws: CheckpointError.malformed(file: "weights", rule: "the zip has no data.pkl")
        ) { try opened(zip([("readme.txt", [1, 2])])) }
    }

    @Test func refusesAMissingStorage() {
        #expect(
            throws: CheckpointError.malformed(
                file: "weights", rule: "the storage of 'w' is missing")
        ) { try opened(zip([("a/data.pkl", UnpicklerTests.oneTensor())])) }
    }

    @Test func refusesAStorageOfAnotherSize() {
        #expect(
            throws: CheckpointError.malformed(
                file: "weights",
                rule: "the storage of 'w' has 12 bytes, the pickle says 16")
        ) {
            try opened(
                zip([
                    ("a/data.pkl", UnpicklerTests.oneTensor()),
                    ("a/data/0", [UInt8](repeating: 0, count: 12)),
                ]))
        }
    }
}
