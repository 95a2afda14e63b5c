import DataPipeline
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct LanguageModelTaskTests {
    @Test func losesWhatTransformersLoses() throws {
        let fixture = try Fixture("pretraining_llama")  // made by Tests/Fixtures/pretraining.py
        let weights = Weights(try fixture.weights)
        let model = try LLaMA(fixture.config(), from: weights)
        try weights.finish()
        let items = [
            LanguageModelTask.Item(
                ids: [1, 5, 7, 9, 11, 2], isLearnt: [false, false, true, true, true, true]),
            LanguageModelTask.Item(ids: [1, 6, 3, 8], isLearnt: [false, false, false, true]),
        ]
        let loss = withGradients { LanguageModelTask.loss(of: items, by: model) }
        #expect(loss.accuracy?.counted == 5)
        expectSame(loss.terms[0].sum.detached(), fixture["loss"], fixture, "a language model")
        let total = withGradients { loss.total(per: [.tokens: 5]) }
        let gradients = try #require(total).backward()
        try expectSame(gradients, of: weights.parameters, fixture, "a language model")
    }

    private var config: LLaMAConfig {
        LLaMAConfig(
            vocabSize: 300, hiddenSize: 24, intermediateSize: 48, numHiddenLayers: 2,
            numAttentionHeads: 4, maxPositionEmbeddings: 128)
    }

    @Test func theVocabularyOfDialoguesHasTheMarksOfSpeakers() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            var config = config
            config.vocabSize = 512
            let task = try LanguageModelTask(
                LanguageModelRecipe(config: config, learns: .replies),
                PretrainingSource(datasets: [dataset]))
            let marks = task.tokenizer.encode("### Human: ").compactMap(task.tokenizer.token)
            #expect(marks.joined() == "▁###▁Human:▁")
            #expect(marks.count <= 5, "\(marks)")
        }
    }

    @Test(arguments: [LanguageModelRecipe.Learnt.replies, .dialogue, .text])
    func learnsTextsAndWritesThemAsPublished(_ learns: LanguageModelRecipe.Learnt) throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            let recipe = LanguageModelRecipe(config: config, learns: learns, maxLength: 64)
            let task = try LanguageModelTask(recipe, PretrainingSource(datasets: [dataset]))
            let samples = try dataset.samples
            let items = try samples.compactMap(task.prepare)
            #expect(items.count == 4)
            let counted = task.counts(of: items, in: 0)[.tokens] ?? 0
            let loss = try task.loss(of: items, in: 0, at: TrainingMoment(seed: 1, step: 0))
            #expect(loss.accuracy?.counted == counted)
            let losses = try train(task, on: samples, steps: 30, rate: 1e-2)[0]
            #expect(losses.decline < 0.6, "\(losses)")

            try task.write(to: "\(folder)/model")
            let tokenizer = try LLaMATokenizer(folder: "\(folder)/model")
            #expect(tokenizer.vocabularySize == task.model.config.vocabSize)
            let stored: LLaMAConfig = try ConfigFile.read(from: "\(folder)/model/config.json")
            let weights = Weights(try Checkpoint(folder: "\(folder)/model"))
            let model = try LLaMA(stored, from: weights)
            try weights.finish()
            let x = recipeInput("x", [1, 5, 24])
            #expect(model.hiddenStates(x).isClose(to: task.model.hiddenStates(x), absolute: 0))

            var again = recipe
            (again.from, again.config) = ("\(folder)/model", nil)
            let continued = try LanguageModelTask(again, PretrainingSource())
            #expect(
                continued.model.hiddenStates(x).isClose(
                    to: task.model.hiddenStates(x), absolute: 0))
            let preview = try task.previews(of: [items[0]], at: TrainingMoment(seed: 1, step: 1))
            guard case .text(let text) = preview[0].content else {
                Issue.record("a preview that is no text")
                return
            }
            #expect(!text.isEmpty)
        }
    }

    /// Full fine-tuning in less memory: weights of 16 bits beside masters, layers computed twice.
    @Test func learnsInSixteenBitsAndComputesLayersOnceMore() throws {
        try withTemporaryFolder { folder in
            let dataset = try PretrainingSamples(folder: folder).images()
            let recipe = LanguageModelRecipe(config: config, maxLength: 64)
            let plain = try LanguageModelTask(recipe, PretrainingSource(datasets: [dataset]))
            let saving = try LanguageModelTask(
                recipe,
                PretrainingSource(
                    datasets: [dataset], storage: .bfloat16, recomputesLayers: true))
            let items = try dataset.samples.compactMap(plain.prepare)
            #expect(saving.training.recomputesLayers && !plain.training.recomputesLayers)
            func pass(_ task: LanguageModelTask) throws -> (Float, [Tensor]) {
                let total = try withGradients {
                    try #require(
                        try task.loss(of: items, in: 0, at: TrainingMoment(seed: 1, step: 0))
                            .total(per: task.counts(of: items, in: 0)))
                }
                let gradients = total.backward()
                return (
                    total.item(),
                    try task.phases[0].parameters.map { try #require(gradients[$0], "\($0.name)") }
                )
            }
            // As read they are the same, and so is what is computed twice.
            let (one, other) = (try pass(plain), try pass(saving))
            #expect(one.0 == other.0)
            for (a, b) in zip(one.1, other.1) {
                #expect(b.isClose(to: a, absolute: 1e-6 * a.absolute().max().item() + 1e-9))
            }
            let losses = try train(saving, on: dataset.samples, steps: 30, rate: 1e-2)[0]
            #expect(saving.phases[0].parameters.allSatisfy { $0.value.dtype == .bfloat16 })
            #expect(losses.decline < 0.6, "\(losses)")
        }
    }

    @Test func refusesARecipeWithoutAModel() {
        let error = #expect(throws: SettingsError.self) {
            try LanguageModelTask(LanguageModelRecipe(), PretrainingSource(file: "llama.yaml"))
        }
        #expect(
            error?.description
                == "llama.yaml: 'recipe.config' is absent, expected the sizes, because from names "
                + "no network.")
    }
}
