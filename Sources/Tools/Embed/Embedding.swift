import DataPipeline
import Diffusion
import Foundation
import ModelZoo
import SouthGPT
import TensorCore
import ToolOptions

/// One run of the tool: paths, model, plan, work, report.
struct Embedding {
    private let options: Embed
    private let captions: String
    private let folder: String
    private let interruption = Interruption()

    init(_ options: Embed) {
        self.options = options
        (captions, folder) = readmePaths(
            captions: options.captions, output: options.output, root: options.root)
    }

    private struct Printed: Encodable {
        let folder: String
        let modality: Modality
        let model: String
        let shape: [Int]
        let report: EmbeddingRun.Report
        let notes: [String]
    }

    /// Whether every record has its embedding.
    func run() throws -> Bool {
        let file = try CaptionFile(captions, modality: options.modality)
        let path = try ModelLookup(root: options.root).folder(of: options.model, textPart: true)
        let made = try DecoderConfig.modality(of: path)
        guard made == options.modality else {
            throw WrongDecoder(model: options.model, makes: made, wanted: options.modality)
        }
        let encoder = try TextEncoderFolder(path)
        let notes = notes(encoder)
        let progress = options.show.progress
        for note in notes { say(note) }
        var run = try EmbeddingRun(
            file, folder: folder, model: "\(options.model)@\(encoder.fingerprint)",
            shape: encoder.config.conditioningShape, replacesUnlisted: options.replace
        ) { done, total in
            try checkStop()
            progress?.show("looking", done, of: total)
        }
        progress?.clear()
        let (missing, bytes) = (run.plan.missing, run.bytesToWrite)
        say(ReportLines.plan(run.plan, folder: folder))
        var isEstimated = false
        let report = try run.run(
            batchSize: options.batchSize, isTooLong: encoder.prompts.isTooLong,
            encode: { captions in
                // The first few are timed before long work begins.
                if !isEstimated, missing > 64 {
                    isEstimated = true
                    let seconds = try secondsEach(captions, encoder) * Double(missing)
                    say(ReportLines.estimate(missing, seconds: seconds, bytes: bytes))
                }
                return try encoded(captions, encoder)
            },
            progress: { done, total, left in
                progress?.show("embedding", done, of: total, secondsLeft: left)
            })
        progress?.clear()
        if options.show.json {
            try options.show.printJSON(
                Printed(
                    folder: folder, modality: options.modality, model: options.model,
                    shape: encoder.config.conditioningShape, report: report, notes: notes))
        } else {
            print(ReportLines.result(report, run.plan, folder: folder))
        }
        return report.failed == 0
    }

    /// Few at a time: their activations stay in the cache, and Ctrl-C is heard soon.
    private func encoded(_ captions: [String], _ encoder: TextEncoderFolder) throws -> [Tensor] {
        try stride(from: 0, to: captions.count, by: 16).flatMap { start in
            try checkStop()
            return try encoder.prompts(Array(captions[start..<min(start + 16, captions.count)]))
        }
    }

    private func secondsEach(_ captions: [String], _ encoder: TextEncoderFolder) throws -> Double {
        // The first pass maps the weights, which takes longer than the passes after it.
        _ = try encoder.prompts(Array(captions.prefix(1)))
        let middle = captions[(captions.count / 2)...].prefix(8)
        let clock = ContinuousClock()
        let time = try clock.measure { _ = try encoder.prompts(Array(middle)) }
        return time / .seconds(1) / Double(middle.count)
    }

    private func notes(_ encoder: TextEncoderFolder) -> [String] {
        var notes: [String] = []
        if !encoder.isHeldAgainstUNet {
            notes.append(
                "unet/config.json is not there, so that the width is not held against the UNet")
        }
        let published: Shape =
            switch options.modality {
            case .image: [77, 768]
            case .video: [77, 1024]
            case .audio: [512]
            }
        let shape = encoder.config.conditioningShape
        if shape != published, let model = PublishedModel.making(options.modality) {
            notes.append(
                "embeddings of shape \(shape); the published South-GPT is trained for "
                    + "\(published), of '\(model.name)'")
        }
        return notes
    }

    private func checkStop() throws {
        if interruption.stop.isRaised { throw CancellationError() }
    }

    private func say(_ text: String) {
        guard !options.show.quiet, !text.isEmpty else { return }
        FileHandle.standardError.write(Data("\(text)\n".utf8))
    }
}

/// A decoder of another modality than the captions'.
private struct WrongDecoder: Error, CustomStringConvertible {
    let model: String
    let makes: Modality
    let wanted: Modality

    var description: String {
        let right = PublishedModel.making(wanted).map { ", such as '\($0.name)'" } ?? ""
        return
            "\(model): makes \(makes.rawValue), expected a decoder that makes \(wanted.rawValue). "
            + "Name one that does\(right), or the modality \(makes.rawValue)."
    }
}
