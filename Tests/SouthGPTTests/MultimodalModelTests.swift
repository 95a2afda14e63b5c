import Foundation
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing

/// Projections held against the decoders that they feed.
@Suite struct MultimodalModelTests {
    /// A copy of the tiny model whose delta has one tensor of another shape.
    private func model(_ folder: String, _ shapes: [String: Shape]) throws -> String {
        let model = try TinyFolder.copy(in: folder)
        let file = "\(model)/\(delta)"
        let whole = try Checkpoint(contentsOf: file)
        try PyTorchArchive.write(
            whole.tensors.map { tensor in
                let other = shapes[tensor.name].map { recipeInput("projection", $0) }
                return (tensor.name, try other ?? tensor.tensor().dense())
            }, metadata: whole.metadata, to: file)
        return model
    }

    private let delta = "delta_ckpt/southgpt/tiny/pytorch_model.pt"

    @Test(arguments: [
        (
            Modality.image, ["gen_text_hidden_fcs.0.query_embs": Shape([1, 78, 32])],
            "78 rows of 32 numbers"
        ),
        (
            .image, ["gen_text_hidden_fcs.0.query_embs": [1, 1, 32]], "1 row of 32 numbers"
        ),
        (
            .video,
            [
                "gen_text_hidden_fcs_video.0.model.weight": [48, 32],
                "gen_text_hidden_fcs_video.0.model.bias": [48],
            ], "77 rows of 48 numbers"
        ),
        (
            .audio, ["gen_text_hidden_fcs_audio.0.query_embs": [1, 2, 32]],
            "2 rows of 16 numbers"
        ),
    ])
    func projectionsOfOtherDecodersAreToldByTheirFiles(
        modality: Modality, shapes: [String: Shape], given: String
    ) throws {
        try withTemporaryFolder { folder in
            let path = try model(folder, shapes)
            let model = try MultimodalModel(path)
            var request = Request("a violin")
            request.output = OutputChoice(text: true, media: [modality])
            let error = #expect(throws: ModelError.self) {
                try Session(model).respond(to: request) { _ in Issue.record("work began") }
            }
            let (decoder, taken) =
                switch modality {
                case .image: ("stable-diffusion-tiny", "77 rows of 32 numbers")
                case .audio: ("audioldm-tiny", "1 row of 16 numbers")
                case .video: ("zeroscope-tiny", "77 rows of 32 numbers")
                }
            let text =
                "\(path)/pretrained_ckpt/\(decoder): this decoder takes \(taken), and the output "
                + "projection \(OutputProjection.name(of: modality)) of \(path)/\(delta) gives "
                + "\(given). Use a delta and a decoder that were trained together."
            let told = try #require(error)
            #expect("\(told)" == text)
            // verify finds it, too.
            #expect(throws: told) { _ = try model.verify() }
        }
    }

    @Test func fewerRowsThanADecoderTakesAreEnough() throws {
        try withTemporaryFolder { folder in
            let path = try model(folder, ["gen_text_hidden_fcs.0.query_embs": [1, 5, 32]])
            var request = Request("a violin")
            request.output = OutputChoice(text: false, media: [.image])
            request.options.imageSteps = 1
            let media = try Session(MultimodalModel(path)).respond(to: request).media
            #expect(media.map(\.content.shape) == [[3, 64, 64]])
        }
    }
}
