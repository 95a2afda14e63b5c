import DataPipeline
import Dialogue
import Foundation
import ModelZoo
import Synchronization
import TensorCore
import TestSupport
import Training

/// A task of a few numbers: a caption's letters, through one hidden layer with dropout, say how many
/// vowels there are.
final class TinyTask: TrainingTask {
    struct Item: Sendable {
        let letters: [Float]
        let vowels: Float
    }

    let name: String
    let phases: [TrainingPhase]
    let identity: [String: String]
    private let hidden: Parameter
    private let output: Parameter
    private let average: Mutex<Tensor>
    /// Captions that make the loss no number, and those that cannot be used.
    private let poison: String?
    private let broken: String?
    let contrastsMicroBatch: Bool
    private let hasDropout: Bool

    init(
        _ name: String = "tiny", dtype: DType = .float32, identity: [String: String] = [:],
        poison: String? = nil, broken: String? = nil, dropout: Bool = true, contrasts: Bool = false
    ) {
        self.broken = broken
        contrastsMicroBatch = contrasts
        hasDropout = dropout
        self.name = name
        self.identity = identity
        self.poison = poison
        hidden = Parameter("hidden", recipeInput("hidden", [8, 26], scale: 0.5).cast(to: dtype))
        output = Parameter("output", recipeInput("output", [1, 8], scale: 0.5))
        phases = [
            TrainingPhase(
                "all",
                [
                    ParameterGroup("hidden", [hidden]),
                    ParameterGroup("output", [output], rateScale: 2, weightDecay: 0),
                ])
        ]
        average = Mutex(.zeros([8, 26]))
    }

    func prepare(_ sample: DialogueSample) throws -> Item? {
        let text = sample.messages[0].text
        if let broken, text.contains(broken) { throw Refused() }
        var letters = [Float](repeating: 0, count: 26)
        for byte in text.utf8 where (97...122).contains(byte) { letters[Int(byte) - 97] += 0.25 }
        let vowels = text.filter { "aeiou".contains($0) }.count
        if let poison, text.contains(poison) { letters[0] = .nan }
        return Item(letters: letters, vowels: Float(vowels) / 4)
    }

    /// A sample that is not to be used.
    private struct Refused: Error {}

    func counts(of items: [Item], in phase: Int) -> [LossUnit: Int] { [.samples: items.count] }

    func loss(of items: [Item], in phase: Int, at moment: TrainingMoment) throws -> TrainingLoss {
        let x = Tensor(items.flatMap(\.letters), [items.count, 26])
        let y = Tensor(items.map(\.vowels), [items.count, 1])
        var h = x.matmul(hidden.value.cast(to: .float32).transposed())
        if moment.isTraining, hasDropout {
            let kept = items.indices.flatMap { sample in
                var generator = moment.generator(for: "dropout", sample: sample)
                return generator.uniform(h.shape[1]).map { $0 < 0.9 ? 1 / 0.9 : 0 as Float }
            }
            h = h * Tensor(kept, h.shape)
        }
        let error = h.matmul(output.value.transposed()) - y
        let squares = (error * error).sum()
        return TrainingLoss(
            [LossTerm("squares", sum: squares, per: .samples)],
            accuracy: (items.count, items.count), tokens: items.count * 26)
    }

    func previews(of items: [Item], at moment: TrainingMoment) -> [Preview] {
        items.map { Preview("vowels", .text("\($0.vowels)")) }
    }

    func didStep(_ moment: TrainingMoment) {
        let value = hidden.value.detached().cast(to: .float32)
        average.withLock { $0 = $0 * 0.9 + value * 0.1 }
    }

    var state: [(name: String, value: Tensor)] {
        [("average.hidden", average.withLock { $0 })]
    }

    func restore(_ state: Checkpoint) throws {
        guard let stored = state["average.hidden"] else {
            throw CheckpointError.missing(
                name: "average.hidden", expected: [8, 26], file: state.file)
        }
        let value = try stored.tensor()
        average.withLock { $0 = value }
    }

    func write(to folder: String) throws {
        try Safetensors.write(
            [("hidden", hidden.value), ("output", output.value)] + state,
            to: "\(folder)/tiny.safetensors")
    }

    /// Everything that training changes.
    var values: [Float] {
        ([hidden.value, output.value] + state.map(\.value)).flatMap { $0.floats() }
    }

    /// The same, bit by bit.
    var bits: [[UInt8]] {
        ([hidden.value, output.value] + state.map(\.value)).map { tensor in
            tensor.withBytes { Array($0) }
        }
    }
}

/// A folder with two datasets of captions and the settings of a run on them; one record is broken.
struct TinyRun {
    struct NoConfig: Codable, Equatable, Sendable {}

    let folder: String
    let sizes = [20, 12]

    init(_ folder: String) throws {
        self.folder = folder
        for (number, size) in sizes.enumerated() {
            let records = (0..<size).map { index in
                number == 0 && index == 5
                    ? "{\"audio_name\": 5.5}"
                    : "{\"audio_name\": \"\(index).wav\", \"caption\": \"\(caption(index))\"}"
            }
            try Data("[\(records.joined(separator: ",\n"))]".utf8)
                .write(to: URL(filePath: "\(folder)/\(number).json"))
        }
        try Data(TinyRun.settings.utf8).write(to: URL(filePath: "\(folder)/run.yaml"))
    }

    private func caption(_ index: Int) -> String {
        ["violin", "trumpet", "rain", "a dog", "waves", "engine", "piano"][index % 7]
            + " number \(index)"
    }

    static let settings = """
        seed: 7
        epochs: 2
        warmup_rate: 0.1
        dataset_name_list: [set0, set1]
        logging_step: 5
        max_steps:
        save_every: 4
        keep_last: 2
        evaluate_every: 0
        held_out: 0.2
        max_held_out: 64
        patience:
        previews: 2
        max_bad: 3
        workers: 2
        prefetch: 3
        train_batch_size: 4
        train_micro_batch_size_per_gpu: 2
        gradient_accumulation_steps: 2
        gradient_clipping: 1.0
        optimizer:
          type: AdamW
          params: {lr: 0.01, betas: [0.9, 0.95], eps: 1.0e-8, weight_decay: 0.01}
        scheduler:
          type: WarmupDecayLR
          params: {warmup_min_lr: 0, warmup_max_lr: 0.01}
        """

    func plan(_ assignments: String..., task: String = "tiny") throws -> (RunPlan, TrainingData) {
        try plan(assignments, task: task)
    }

    /// - Parameter globalBatch: of the run that goes on
    func plan(
        _ assignments: [String], task: String = "tiny", ranks: Int = 1, globalBatch: Int? = nil
    ) throws -> (RunPlan, TrainingData) {
        let settings = try RunSettings<NoConfig>(
            files: ["\(folder)/run.yaml"], assignments: assignments)
        let entries = sizes.indices.map {
            DatasetEntry(
                name: "set\($0)", format: .pair, type: .textToAudio,
                dataPath: "\(folder)/\($0).json")
        }.filter { settings.run.datasetNameList.contains($0.name) }
        let data = try TrainingData(entries, settings.run)
        let plan = try RunPlan(
            task: task, settings: settings, sizes: data.sizes, ranks: ranks,
            globalBatch: globalBatch)
        return (plan, data)
    }

    func runFolder(_ name: String = "run") throws -> RunFolder {
        try RunFolder("\(folder)/\(name)", isWriter: true)
    }
}

/// Runs `body` on tiny data in a folder that is removed in the end.
func withTinyRun(_ body: (TinyRun) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(
        component: "southgpt-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(TinyRun(folder.path))
}

/// Writes events down, and may raise a flag at a step.
final class Watcher: RunObserver {
    private let seen = Mutex<[TrainingEvent]>([])
    private let onStep: @Sendable (Int) -> Void

    init(onStep: @escaping @Sendable (Int) -> Void = { _ in }) { self.onStep = onStep }

    func note(_ event: TrainingEvent) {
        seen.withLock { $0.append(event) }
        if case .step(let report) = event { onStep(report.step) }
    }

    var events: [TrainingEvent] { seen.withLock { $0 } }
    var steps: [StepReport] {
        events.compactMap { if case .step(let report) = $0 { report } else { nil } }
    }
    var evaluations: [EvaluationReport] {
        events.compactMap { if case .evaluation(let report) = $0 { report } else { nil } }
    }
    var messages: [String] {
        events.compactMap { if case .message(let text) = $0 { text } else { nil } }
    }
}
