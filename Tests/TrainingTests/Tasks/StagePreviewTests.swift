import DataPipeline
import Dialogue
import Foundation
import ModelTestSupport
import ModelZoo
import SouthGPT
import TensorCore
import TestSupport
import Testing
import Training

/// What is shown of stages that teach the model to make media.
@Suite struct StagePreviewTests {
    /// A dialogue that is answered with one medium of each modality.
    private func item(_ task: StageTask) throws -> StageTask.Item {
        let sequence = try task.model.layout.sequence(of: [
            Message(.human, "Make all."),
            Message(
                .assistant,
                [.text("Here.")] + Modality.allCases.map { Part.signal($0) }),
        ])
        let targets = sequence.spans.compactMap { span in
            task.model.projections.outputs[span.modality].map {
                Tensor.zeros([$0.config.outputTokens, $0.config.outputWidth])
            }
        }
        return StageTask.Item(sequence: sequence, media: [], targets: targets)
    }

    private func previews(_ model: String, steps: Int) throws -> [Preview] {
        let config = try RunSettings(
            stage: .decoderAlignment, folder: Fixture.path("../../Configs"),
            assignments: ["preview_steps=\(steps)"]
        ).task
        let task = try StageTask(.decoderAlignment, config: config, model: .folder(model))
        return try task.previews(
            of: [item(task)], at: TrainingMoment(seed: 1, step: 0, isTraining: false))
    }

    @Test func decodersShowWhatTheSpansBecame() throws {
        let all = try previews(TinyFolder.path, steps: 2)
        #expect(all.map(\.name) == ["reply/0", "made/0/image", "made/0/audio", "made/0/video"])
        for (preview, isWide) in [(all[1], false), (all[3], true)] {
            guard case .image(let image) = preview.content else {
                Issue.record("\(preview)")
                continue
            }
            #expect(image.rank == 3 && image.shape[2] == 3)
            #expect(image.shape[1] == image.shape[0] * (isWide ? 4 : 1))
            #expect(image.min().item() >= 0 && image.max().item() <= 1)
            #expect(image.max().item() > image.min().item())
        }
        guard case .sound(let sound, let rate) = all[2].content else {
            Issue.record("\(all[2])")
            return
        }
        #expect(rate == 16_000 && sound.rank == 1 && sound.max().item() > sound.min().item())
        // Few steps are other steps.
        guard case .image(let two) = all[1].content,
            case .image(let one) = try previews(TinyFolder.path, steps: 1)[1].content
        else { return }
        #expect(!one.isClose(to: two, absolute: 1e-3))
    }

    @Test func textAloneWhereNoStepsAreAskedForAndNoEndWhereADecoderIsBroken() throws {
        #expect(try previews(TinyFolder.path, steps: 0).map(\.name) == ["reply/0"])
        try withTemporaryFolder { folder in
            let model = try TinyFolder.copy(in: folder)
            let unet = "\(model)/pretrained_ckpt/stable-diffusion-tiny/unet"
            for name in try FileManager.default.contentsOfDirectory(atPath: unet)
            where name != "config.json" {
                try FileManager.default.removeItem(atPath: "\(unet)/\(name)")
            }
            let all = try previews(model, steps: 1)
            #expect(all.map(\.name) == ["reply/0", "made/image", "made/0/audio", "made/0/video"])
            guard case .text(let text) = all[1].content else {
                Issue.record("\(all[1])")
                return
            }
            #expect(text.hasPrefix("cannot be shown: ") && text.contains("unet"))
        }
    }
}
