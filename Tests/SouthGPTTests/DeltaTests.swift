import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct DeltaTests {
    @Test(arguments: [1, 3])
    func readsWhatTorchSavesOfEitherRegime(_ stage: Int) throws {
        // Made by Tests/Fixtures/delta.py.
        let delta = try Delta(Fixture.path("delta_stage_\(stage).pt"))
        let prefix = stage == 1 ? "llama_model." : "llama_model.base_model.model."
        #expect(delta.adapter == (stage == 1 ? nil : LoRAConfig(rank: 2, alpha: 2)))
        #expect(delta.notes.movesBaseRows)
        #expect(delta.notes.stage == nil)
        #expect(delta.projections.tensors.count == 5)
        #expect(delta.languageModel.tensors.count == (stage == 1 ? 2 : 10))
        for (part, start) in [(delta.projections, ""), (delta.languageModel, prefix)] {
            for stored in part.tensors {
                let value = try stored.tensor()
                #expect(value.dtype == .float16)
                let expected = recipeWeight(start + stored.name, stored.shape)
                #expect(
                    value.floats() == expected.cast(to: .float16).floats(), "\(stored.name)")
            }
        }
    }

    @Test func aFolderWithoutADeltaIsNamed() throws {
        try withTemporaryFolder { folder in
            #expect(
                throws: ModelError.missingComponent(
                    name: "delta", path: "\(folder)/pytorch_model.pt")
            ) { try Delta(folder) }
        }
    }
}
