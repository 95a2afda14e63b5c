import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct SafetensorsTests {
    private let pair = """
        {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},\
        "b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}
        """

    @Test func readsTensorsAndNotesInTheFilesOrder() throws {
        let file = try Checkpoint(contentsOf: Fixture.path("checkpoints-values.safetensors"))
        #expect(file.metadata["source"] == "torch 2.13.0+cpu")
        #expect(try file["int64"]?.tensor().integers() == [-(1 << 40), 7])
        #expect(try file["bool"]?.tensor().integers() == [1, 0, 1])
        #expect(file["empty"]?.shape == [0, 3])
        #expect(file["scalar"]?.shape == [])
        let expected = recipeInput("base", [4, 6])
        #expect(try file["float32"]?.tensor().isClose(to: expected, absolute: 0) == true)
    }

    @Test func copiesTensorsThatAreNotAligned() throws {
        let odd = """
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},\
            "b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}
            """
        let tensors = try opened(safetensors(odd, data: 5))
        let bits = tensors["a"]?.floats().first?.bitPattern
        #expect(bits == 0x0403_0201)
    }

    @Test func writesWhatItReads() throws {
        let fixture = try Fixture("checkpoints-values")
        try withTemporaryFolder { folder in
            let path = "\(folder)/copy.safetensors"
            let tensors = try fixture.checkpoint.tensors.map { ($0.name, try $0.tensor()) }
            try Safetensors.write(tensors, metadata: ["note": "a \"b\"\n\u{1}"], to: path)
            let copy = try Checkpoint(contentsOf: path)
            #expect(copy.metadata == ["format": "pt", "note": "a \"b\"\n\u{1}"])
            #expect(copy.tensors.count == tensors.count)
            for (name, value) in tensors {
                let again = try #require(try copy[name]?.tensor())
                #expect(again.dtype == value.dtype && again.shape == value.shape)
                #expect(again.withBytes { Array($0) } == value.withBytes { Array($0) })
            }
            // Wide elements first, so that all are aligned.
            let sizes = copy.tensors.map(\.dtype.byteCount)
            #expect(sizes == sizes.sorted(by: >))
        }
    }

    @Test func writesAViewAsItLooks() throws {
        let matrix = Tensor([1.0, 2, 3, 4, 5, 6], [2, 3])
        try withTemporaryFolder { folder in
            try Safetensors.write([("t", matrix.transposed())], to: "\(folder)/t.safetensors")
            let read = try Checkpoint(contentsOf: "\(folder)/t.safetensors")["t"]?.tensor()
            #expect(read?.floats() == [1, 4, 2, 5, 3, 6])
        }
    }

    @Test func refusesTwoTensorsOfOneName() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/x.safetensors"
            let one = Tensor([1.0])
            #expect(
                throws: CheckpointError.unwritable(
                    file: path, reason: "two tensors are named 'x'")
            ) { try Safetensors.write([("x", one), ("x", one)], to: path) }
            let rest = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(rest == [])
        }
    }

    private func expectMalformed(_ file: [UInt8], _ rule: String) {
        #expect(throws: CheckpointError.malformed(file: "weights", rule: rule)) {
            try opened(file)
        }
    }

    @Test func refusesAnEmptyFile() { expectMalformed([], "the file is empty") }

    @Test func refusesWhatIsNoCheckpoint() {
        expectMalformed(
            Array("hello, world".utf8), "the first bytes are those of no checkpoint format")
        expectMalformed(
            Array("version https://git-lfs.github.com/spec/v1\n".utf8),
            "it is a Git LFS pointer, the weights were never fetched")
    }

    @Test func refusesATruncatedFile() {
        let whole = safetensors(pair, data: 12)
        #expect(throws: Never.self) { try opened(whole) }
        expectMalformed(
            Array(whole.dropLast(5)), "the tensors take 12 bytes of data, the file has 7")
        expectMalformed(
            Array(whole.prefix(40)),
            "the header needs bytes 8 to \(8 + pair.utf8.count), the file has 40")
        expectMalformed(whole + [0], "the tensors take 12 bytes of data, the file has 13")
    }

    @Test func refusesAHeaderThatIsTooLong() {
        expectMalformed(
            bytes(UInt64.max) + Array("{}".utf8),
            "a header of \(UInt64.max) bytes, at most 100000000 are allowed")
    }

    @Test func refusesAHeaderThatIsNotJSON() {
        expectMalformed(
            safetensors("{\"a\":}", data: 0), "the header is not JSON: not a value at 5")
        let deep = "{\"a\":" + String(repeating: "[", count: 5000)
        expectMalformed(
            safetensors(deep, data: 0), "the header is not JSON: nested too deeply at 12")
    }

    @Test func refusesOverlapsAndGaps() {
        expectMalformed(
            safetensors(pair.replacingOccurrences(of: "[8,12]", with: "[4,8]"), data: 8),
            "'b' starts at byte 4 of the data, the one before ends at 8")
        expectMalformed(
            safetensors(pair.replacingOccurrences(of: "[8,12]", with: "[9,13]"), data: 13),
            "'b' starts at byte 9 of the data, the one before ends at 8")
    }

    @Test func refusesANameThatOccursTwice() {
        expectMalformed(
            safetensors(pair.replacingOccurrences(of: "\"b\"", with: "\"a\""), data: 12),
            "the name 'a' occurs twice")
    }

    @Test func refusesShapesThatDoNotFit() {
        expectMalformed(
            safetensors(pair.replacingOccurrences(of: "[2]", with: "[3]"), data: 12),
            "'a' has 12 bytes by its shape, 0 to 8 by its offsets")
        for shape in ["[4611686018427387904,4]", "[-2]", "[9223372036854775807]"] {
            let file = safetensors(pair.replacingOccurrences(of: "[2]", with: shape), data: 12)
            let spaced = shape.replacingOccurrences(of: ",", with: ", ")
            expectMalformed(file, "'a' has the impossible shape \(spaced)")
        }
    }

    @Test func refusesSizesWhoseSumsOrStridesOverflow() {
        let most = Int.max
        expectMalformed(
            safetensors(
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[\(most)],\"data_offsets\":[0,\(most)]}}",
                data: 4), "the tensors take \(most) bytes of data, the file has 4")
        for shape in ["0,1099511627776,1099511627776", "1099511627776,1099511627776,0"] {
            expectMalformed(
                safetensors(
                    "{\"a\":{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[0,0]}}",
                    data: 0),
                "'a' has the impossible shape [\(shape.replacingOccurrences(of: ",", with: ", "))]")
        }
        let axes = [String](repeating: "1", count: 9).joined(separator: ",")
        expectMalformed(
            safetensors(
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[\(axes)],\"data_offsets\":[0,1]}}", data: 1),
            "'a' has 9 axes, at most 8 are allowed")
    }

    @Test func refusesElementTypesItCannotHold() {
        #expect(
            throws: CheckpointError.unsupported(
                file: "weights", what: "the element type F8_E4M3 of 'b'",
                mend: "Convert the file to F32, F16 or BF16.")
        ) {
            try opened(
                safetensors(pair.replacingOccurrences(of: "U8", with: "F8_E4M3"), data: 12))
        }
    }

    @Test func saysWhyAFileCannotBeRead() {
        #expect(
            throws: CheckpointError.unreadable(
                file: "/no/such/file", reason: "No such file or directory")
        ) { try Checkpoint(contentsOf: "/no/such/file") }
        #expect(
            throws: CheckpointError.unreadable(file: "/", reason: "it is not a regular file")
        ) { try Checkpoint(contentsOf: "/") }
    }

    @Test func namesContainersThatItRecognisesOnly() {
        let tar = [UInt8](repeating: 0, count: 257) + Array("ustar".utf8) + [0]
        for (file, what) in [
            (tar, "a tar file of PyTorch before 0.4")
        ] {
            let error = #expect(throws: CheckpointError.self) { try opened(file) }
            #expect(error?.description.contains("\(what) is not supported") == true)
        }
    }

    /// Found by libFuzzer: the name is the file's own.
    @Test func anErrorIsOneLineWhateverTheFileNamesItsTensors() {
        let error = CheckpointError.missing(
            name: "a\nb\u{1B}[2J\u{2028}c", expected: [2], file: "f")
        #expect(
            "\(error)"
                == "f: 'a\u{FFFD}b\u{FFFD}[2J\u{FFFD}c' is missing, expected with shape [2]. "
                + "Is config.json of the same release?")
        let long = CheckpointError.malformed(
            file: "f", rule: String(repeating: "x", count: 1 << 20))
        #expect("\(long)".count == 2_001)
    }
}
