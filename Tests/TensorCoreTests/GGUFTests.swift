import Foundation
import TensorCore
import TestSupport
import Testing

/// Files of the gguf package, and ours.
@Suite struct GGUFTests {
    private func published() throws -> GGUF {
        try GGUF(contentsOf: Fixture.path("gguf_files.gguf"))
    }

    @Test(arguments: GGUFType.allCases)
    func readsEveryTypeAsThePackageDoes(type: GGUFType) throws {
        let (file, expected) = (try published(), try Fixture("gguf_files"))
        if let dtype = type.dtype, !dtype.isBlocked {
            let found = try #require(file.checkpoint["plain.\(dtype)"]).tensor()
            #expect(found.dtype == dtype)
            // The outermost axis is first.
            #expect(found.shape == [3, 4])
            #expect(found.integers() == Array(-6..<6))
            return
        }
        let name = "\(type)".lowercased() + ".weight"
        let found = try #require(file.checkpoint[name]).tensor()
        #expect(found.dtype == type.dtype ?? .float32)
        // To the last bit: the formulas have one order of operations.
        #expect(found.isClose(to: expected[name], absolute: 0, relative: 1e-6))
    }

    @Test(arguments: ["iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq1_s"])
    func hasEveryPointOfItsLattices(type: String) throws {
        let (file, expected) = (try published(), try Fixture("gguf_files")["\(type).points"])
        let found = try #require(file.checkpoint["\(type).points"]).tensor()
        let (rows, width) = (found.shape[0], found.shape[1])
        let numbers = found.floats()
        let weights = (1...width).map { (place: Int) -> Double in Double(place * place % 251) }
        let sums = (0..<rows).map { (row: Int) -> Double in
            zip(weights, numbers[(row * width)...]).reduce(0) { $0 + $1.0 * Double($1.1) }
        }
        #expect(expected.shape == [rows])
        #expect(zip(sums, expected.floats()).allSatisfy { Float($0) == $1 })
    }

    @Test func readsMetadataOfEveryKind() throws {
        let file = try published()
        #expect(file["general.architecture"]?.text == "llama")
        #expect(file["test.u8"] == .integer(200, .uint8))
        #expect(file["test.i8"] == .integer(-3, .int8))
        #expect(file["test.u16"] == .integer(60000, .uint16))
        #expect(file["test.i16"] == .integer(-300, .int16))
        #expect(file["test.u32"]?.integer == 4_000_000_000)
        #expect(file["test.i32"]?.integer == -70000)
        #expect(file["test.u64"]?.integer == 1 << 40)
        #expect(file["test.i64"]?.integer == -(1 << 40))
        #expect(file["test.f32"]?.number == 0.5)
        #expect(file["test.f64"]?.number == 1e-300)
        #expect(file["test.bool"]?.bool == true)
        #expect(file["test.text"]?.text == "naïve ▁")
        #expect(file["test.texts"]?.array?.strings == ["a", "", "▁b"])
        #expect(file["test.numbers"]?.array?.numbers == [1, -2, 3])
        #expect(file["test.reals"]?.array?.numbers == [0.25, -1.5])
        #expect(file["test.absent"] == nil)
    }

    @Test func writesWhatItReads() throws {
        try withTemporaryFolder { folder in
            let file = try published()
            let path = "\(folder)/again.gguf"
            // The types that are read out into numbers are written as those.
            try GGUF.write(file.checkpoint.tensors, metadata: file.metadata, to: path)
            let again = try GGUF(contentsOf: path)
            #expect(again.metadata == file.metadata)
            #expect(again.checkpoint.tensors.map(\.name) == file.checkpoint.tensors.map(\.name))
            for tensor in file.checkpoint.tensors {
                let (old, new) = (try tensor.tensor(), try #require(again.checkpoint[tensor.name]))
                #expect(new.dtype == old.dtype && new.shape == old.shape)
                try old.withBytes { expected in
                    try new.tensor().withBytes { #expect($0.elementsEqual(expected)) }
                }
            }
        }
    }

    @Test func opensTheOtherPartsOfASplitModel() throws {
        try withTemporaryFolder { folder in
            func part(_ number: Int, _ value: Float) throws {
                try GGUF.write(
                    [StoredTensor(name: "t\(number)", value: Tensor([value]))],
                    metadata: [
                        GGUF.Entry("split.no", .integer(number, .uint16)),
                        GGUF.Entry("split.count", .integer(2, .uint16)),
                    ], to: "\(folder)/m-0000\(number + 1)-of-00002.gguf")
            }
            try part(0, 1)
            #expect(throws: CheckpointError.self) {
                try Checkpoint(contentsOf: "\(folder)/m-00001-of-00002.gguf")
            }
            try part(1, 2)
            let whole = try Checkpoint(contentsOf: "\(folder)/m-00001-of-00002.gguf")
            #expect(whole.tensors.map(\.name) == ["t0", "t1"])
            #expect(try whole.tensors[1].tensor().floats() == [2])
            let second = "\(folder)/m-00002-of-00002.gguf"
            #expect(throws: CheckpointError.self) { try Checkpoint(contentsOf: second) }
            // Found by libFuzzer: a file shorter than the mark.
            try Data([0, 2]).write(to: URL(filePath: second))
            #expect(
                throws: CheckpointError.malformed(
                    file: second, rule: "it does not begin as a GGUF file does")
            ) { try Checkpoint(contentsOf: "\(folder)/m-00001-of-00002.gguf") }
        }
    }

    @Test func saysWhichPartOfASplitModelItIs() throws {
        try withTemporaryFolder { folder in
            for number in [Int.max, 1] {
                let path = "\(folder)/m.gguf"
                try GGUF.write(
                    [StoredTensor(name: "t", value: Tensor([1]))],
                    metadata: [
                        GGUF.Entry("split.no", .integer(number, .uint64)),
                        GGUF.Entry("split.count", .integer(3, .uint16)),
                    ], to: path)
                #expect(
                    throws: CheckpointError.malformed(
                        file: path,
                        rule:
                            "its split.no is \(number) of 3 parts, expected 0; open the one whose "
                            + "name ends in 00001-of-00003.gguf")
                ) { try GGUF(contentsOf: path) }
            }
        }
    }

    /// A file of tensors without metadata.
    private func file(_ tensors: [(name: String, shape: [Int], offset: Int)], data: Int) -> [UInt8]
    {
        var header = Array("GGUF".utf8) + bytes(UInt32(3)) + bytes(tensors.count) + bytes(0)
        for (name, shape, offset) in tensors {
            header += bytes(name.utf8.count) + Array(name.utf8) + bytes(UInt32(shape.count))
            header += shape.reversed().flatMap { bytes($0) } + bytes(UInt32(0)) + bytes(offset)
        }
        let end = (header.count + 31) / 32 * 32
        return header + [UInt8](repeating: 0, count: end - header.count + data)
    }

    @Test func refusesStridesThatOverflowAndTensorsThatOverlap() throws {
        #expect(try opened(file([("w", [8], 0), ("v", [8], 32)], data: 64)).count == 2)
        #expect(
            throws: CheckpointError.malformed(
                file: "weights",
                rule: "'w' has the impossible shape [0, 1099511627776, 1099511627776] of f32")
        ) { try opened(file([("w", [0, 1 << 40, 1 << 40], 0)], data: 0)) }
        let same = (0..<20).map { ("w\($0)", [1024], 0) }
        #expect(
            throws: CheckpointError.malformed(file: "weights", rule: "'w1' lies where others do")
        ) { try opened(file(same, data: 4096)) }
    }

    @Test func namesTheTypesItDoesNotRead() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/model.gguf"
            try GGUF.write(
                [StoredTensor(name: "w", value: Tensor([1]))], metadata: [], to: path)
            var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
            // Header of 24 bytes, a name of 8 + 1, the rank and one axis.
            #expect(bytes[45] == 0)
            bytes[45] = 41
            try Data(bytes).write(to: URL(filePath: path))
            #expect(
                throws: CheckpointError.unsupported(
                    file: path, what: "the element type Q1_0 of 'w'",
                    mend: "Quantise the model to Q8_0, Q6_K or Q4_K.")
            ) { try GGUF(contentsOf: path) }
        }
    }

    @Test func refusesWhateverIsCutOrChangedWithoutCrashing() throws {
        try withTemporaryFolder { folder in
            let whole = [UInt8](
                try Data(contentsOf: URL(filePath: Fixture.path("gguf_files.gguf"))))
            let path = "\(folder)/broken.gguf"
            func open(_ bytes: [UInt8]) throws {
                try Data(bytes).write(to: URL(filePath: path))
                let file = try GGUF(contentsOf: path)
                for entry in file.metadata { _ = entry.value.array?.strings }
                for tensor in file.checkpoint.tensors { _ = try tensor.tensor().floats() }
            }
            for end in stride(from: 5, to: whole.count, by: 97) {
                #expect(throws: CheckpointError.self) { try open(Array(whole[..<end])) }
            }
            // A damaged byte may go unnoticed, but it never does worse than throw.
            for position in stride(from: 4, to: 1800, by: 7) {
                var bytes = whole
                bytes[position] = bytes[position] &+ 129
                _ = try? open(bytes)
            }
        }
    }
}
