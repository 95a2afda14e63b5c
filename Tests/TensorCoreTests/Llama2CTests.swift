import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct Llama2CTests {
    @Test(.enabled(if: TestData.has("stories260k"), "needs SOUTHGPT_TEST_DATA"))
    func readsBothVersionsAlike() throws {
        let old = try Checkpoint(contentsOf: TestData.path("stories260k/checkpoint_legacy.bin"))
        let new = try Checkpoint(contentsOf: TestData.path("stories260k/checkpoint_v1.bin"))
        #expect(old.metadata == new.metadata)
        #expect(old.metadata["num_key_value_heads"] == "4")
        #expect(old.tensors.count == 47)
        for tensor in old.tensors {
            let other = try #require(new[tensor.name])
            #expect(try tensor.tensor().isClose(to: other.tensor(), absolute: 0))
        }
    }

    @Test func knowsAFileThatIsCutShort() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/model.bin"
            // The mark, the version, the seven sizes, and no weights.
            let words: [Int32] = [0x616B_3432, 1, 64, 172, 5, 8, 4, 512, 512]
            var bytes = words.flatMap { word in
                (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * Int32($0))) }
            }
            bytes += [UInt8](repeating: 0, count: 1000)
            try Data(bytes).write(to: URL(filePath: path))
            #expect(
                throws: CheckpointError.malformed(
                    file: path, rule: "its length is not what the sizes in llama2.c's header give")
            ) { try Checkpoint(contentsOf: path) }
        }
    }

    @Test func turnsRowsThereAndBack() {
        let rows = Tensor((0..<24).map { Float($0) }, [8, 3])
        let turned = rows.halfSplitRows(headSize: 4)
        #expect(turned[1].floats() == rows[2].floats())
        #expect(turned[2].floats() == rows[1].floats())
        #expect(turned.interleavedRows(headSize: 4).isClose(to: rows, absolute: 0))
        let blocks = Tensor((0..<256).map { Float($0) }, [8, 32]).quantized(to: .q8_0)
        let moved = blocks.halfSplitRows(headSize: 8)
        #expect(moved.dtype == .q8_0)
        #expect(moved[4].cast(to: .float32).isClose(to: blocks[1].cast(to: .float32), absolute: 0))
    }
}
