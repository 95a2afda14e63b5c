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
