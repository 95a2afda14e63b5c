import DataPipeline
import Dialogue
import Foundation
import MediaIO
import ModelZoo
import TensorCore
import TestSupport
import Testing
import Training

/// From records of a dataset to what a stage trains on.
@Suite struct StageSampleTests {
    /// Dialogues that ask for pictures.
    private func dataset(in folder: String, count: Int = 2) throws -> DialogueDataset {
        let records = (0..<count).map { index in
            """
            {"image_name": "a\(index).jpg", "conversation": [
              {"from": "human", "value": "Draw a violin.", "input_modality": "text"},
              {"from": "gpt", "value": "Here is the violin", "caption": "a violin \(index)",
               "output_modality": "image"}]}
            """
        }
        let file = "\(folder)/image_t2x.json"
        try Data("[\(records.joined(separator: ","))]".utf8).write(to: URL(filePath: file))
        return try DialogueDataset(
            DatasetEntry(
                name: "image_instruction", format: .t2x, type: .textToImage, dataPath: file,
                embeddings: "\(folder)/embed"))
    }

    @Test func anEmbeddingOfAnotherDecoderIsFoundAmongManySoundOnes() throws {
        try withTemporaryFolder { folder in
            let task = try TinyStack().task(.decoderAlignment, in: folder)
            let dataset = try dataset(in: folder, count: 24)
            try makeFolder("\(folder)/embed")
            func write(_ index: Int, width: Int) throws {
                try Npy.write(
                    Tensor.zeros([5, width]).cast(to: .float16),
                    to: "\(folder)/embed/a\(index).jpg.npy")
            }
            for index in 0..<24 { try write(index, width: 10) }
            try task.check([dataset])
            try write(21, width: 12)
            #expect {
                try task.check([dataset])
            } throws: { error in
                "\(error)".hasPrefix(
                    "\(folder)/embed/a21.jpg.npy: an embedding of shape [5, 12], expected [5, 10]")
            }
        }
    }

    @Test func captionsWithoutEmbeddingsAreNamedBeforeTheFirstStep() throws {
        try withTemporaryFolder { folder in
            let stack = try TinyStack()
            let task = try stack.task(.decoderAlignment, in: folder)
            let dataset = try dataset(in: folder)
            let embed = "\(folder)/embed"
            try FileManager.default.createDirectory(
                atPath: embed, withIntermediateDirectories: true)
            let target = recipeInput("target", [5, 10], scale: 1).cast(to: .float16)
            try Npy.write(target, to: "\(embed)/a0.jpg.npy")
            #expect {
                try task.check([dataset])
            } throws: { error in
                let text = "\(error)"
                return text.hasPrefix(
                    "1 of 2 captions have no embedding to be trained towards. The first: ")
                    && text.contains("a1.jpg.npy")
                    && text.contains("southgpt-embed CAPTIONS image \(embed)")
            }
            // Of another decoder's text encoder.
            try Npy.write(
                recipeInput("target", [5, 12], scale: 1).cast(to: .float16),
                to: "\(embed)/a1.jpg.npy")
            #expect {
                try task.check([dataset])
            } throws: { error in
                "\(error)".contains("an embedding of shape [5, 12], expected [5, 10]")
            }
            try Npy.write(target, to: "\(embed)/a1.jpg.npy")
            try task.check([dataset])
            let item = try #require(try task.prepare(dataset.sample(0)))
            let counts = task.counts(of: [item], in: 0)
            #expect(counts[.spans] == 1)
            let loss = try task.loss(
                of: [item], in: 0, at: TrainingMoment(seed: 1, step: 0, isTraining: false))
            #expect(loss.terms.map(\.name) == ["mle_loss", "mse_loss"])
            #expect(loss.terms[1].weight == 1)
            #expect(loss.tokens > counts[.tokens] ?? 0)
            // Stage 1 has no use for embeddings, and does not look for them.
            let first = try stack.task(.encoderAlignment, in: folder)
            try FileManager.default.removeItem(atPath: embed)
            try first.check([dataset])
        }
    }

    @Test func aPictureBecomesARowAndIsEncodedOnce() throws {
        try withTemporaryFolder { folder in
            let task = try TinyStack().task(.encoderAlignment, in: folder)
            let picture = RGBImage(recipeInput("picture", [3, 40, 60], scale: 1) + 0.5)
            try picture.writePNG(to: "\(folder)/a.png")
            let sample = DialogueSample(
                place: RecordPlace(file: "memory", record: 0, line: nil), type: .imageToText,
                messages: [
                    Message(.human, [.medium(.image, name: "a.png"), .text("What is this?")]),
                    Message(.assistant, "A violin."),
                ], media: [MediaReference(.image, "a.png", in: folder)])
            let items = try (0..<2).map { _ in try #require(try task.prepare(sample)) }
            let moment = TrainingMoment(seed: 1, step: 0)
            let losses = try items.map { try task.loss(of: [$0], in: 0, at: moment) }
            #expect(losses[0].terms.count == 1)
            #expect(losses[0].terms[0].sum.item() == losses[1].terms[0].sum.item())
            let total = try #require(
                try withGradients {
                    try task.loss(of: items, in: 0, at: moment)
                        .total(per: task.counts(of: items, in: 0))
                })
            let gradients = total.backward()
            let projection = try #require(task.phases[0].groups.first).parameters
            for parameter in projection {
                #expect(try #require(gradients[parameter]).absolute().max().item() > 0)
            }
        }
    }

    @Test func hiddenStatesThatTheModelLacksAreRefused() throws {
        try withTemporaryFolder { folder in
            #expect {
                _ = try TinyStack().task(
                    .decoderAlignment, in: folder, ["text_emb_to_img_layers=[-1, 3]"])
            } throws: { error in
                "\(error)"
                    == "config: 'text_emb_to_img_layers' is [-1, 3], expected one or more of -1, "
                    + "0 … 2, as the language model has."
            }
        }
    }
}
