import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct NpyTests {
    private func array(_ header: String, _ data: [UInt8]) -> [UInt8] {
        [0x93] + Array("NUMPY".utf8) + [1, 0] + bytes(UInt16(header.utf8.count))
            + Array(header.utf8) + data
    }

    @Test func readsWhatNumPyWrites() throws {
        // Saved in column-major order.
        let file = try Checkpoint(contentsOf: Fixture.path("checkpoints.npy"))
        let expected = recipeInput("base", [4, 6])
        #expect(try file["array"]?.tensor().isClose(to: expected, absolute: 0) == true)
    }

    @Test func writesWhatItReads() throws {
        let values = try Fixture("checkpoints-values")
        for name in ["float32", "float16", "float64", "int64", "bool", "scalar", "empty", "int8"] {
            try withTemporaryFolder { folder in
                try Npy.write(values[name], to: "\(folder)/a.npy")
                let again = try #require(
                    try Checkpoint(contentsOf: "\(folder)/a.npy")["array"]?.tensor())
                #expect(again.dtype == values[name].dtype && again.shape == values[name].shape)
                #expect(
                    again.withBytes { Array($0) } == values[name].withBytes { Array($0) })
            }
        }
    }

    @Test func readsTheArraysOfAnArchive() throws {
        let file = try Checkpoint(contentsOf: Fixture.path("arrays.npz"))
        #expect(file.tensors.map(\.name) == ["a", "b"])
        #expect(try file["a"]?.tensor().floats() == [0, 1, 2, 3, 4, 5])
        #expect(try file["b"]?.tensor().integers() == [0, 1, 2, 3, 4, 5])
        #expect(file["b"]?.shape == [2, 3])
    }

    @Test func readsTheOtherByteOrder() throws {
        let file = array(
            "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n", [1, 2, 0, 5])
        #expect(try opened(file)["array"]?.integers() == [258, 5])
    }

    @Test func refusesWhatDoesNotFit() {
        for (header, rule) in [
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
                "the shape [3] of <f4 does not fit 8 bytes"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296), }",
                "the shape [0, 4294967296, 4294967296] of <f4 does not fit 8 bytes"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 2), }",
                "it has 9 axes, at most 8 are allowed"
            ),
            (
                "{'descr': '<f4', 'shape': (2,), }",
                "the array's header is not a dictionary of descr, fortran_order, shape"
            ),
        ] {
            #expect(throws: CheckpointError.malformed(file: "weights", rule: rule)) {
                try opened(array(header, [UInt8](repeating: 0, count: 8)))
            }
        }
        #expect(
            throws: CheckpointError.unsupported(
                file: "weights", what: "an array of the type '|O'",
                mend: "Save it with .astype(numpy.float32).")
        ) { try opened(array("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", [0])) }
    }
}
