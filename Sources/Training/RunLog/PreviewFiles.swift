import FoundationEssentials
import MediaIO
import Synchronization
import TensorCore

/// The pictures and sounds of previews as files: `previews/stage_2/00000200/made-0-image.png`.
final class PreviewFiles: LogFile {
    private let folder: String
    /// Stages share a folder of logs, and count their steps each.
    private let task = Mutex("")

    /// Makes nothing until there is something to see.
    init(folder: String) { self.folder = "\(folder)/previews" }

    func note(_ event: TrainingEvent) throws {
        if case .started(let run) = event { task.withLock { $0 = run.task } }
        guard case .preview(let preview, let step) = event else { return }
        switch preview.content {
        case .text: return
        case .image(let image):
            let planes = image.permuted(2, 0, 1)
            try write(RGBImage(planes).png(), "png", preview, step)
        case .sound(let samples, let sampleRate):
            try write(wavBytes(samples, sampleRate: sampleRate), "wav", preview, step)
        }
    }

    private func write(
        _ bytes: [UInt8], _ ending: String, _ preview: Preview, _ step: Int
    ) throws {
        let digits = "\(step)"
        let zeros = String(repeating: "0", count: max(0, 8 - digits.count))
        let place = "\(folder)/\(task.withLock { $0 })/\(zeros)\(digits)"
        try RunFolder.make(place)
        let name = preview.name.replacing("/", with: "-")
        try AtomicFile.write(to: "\(place)/\(name).\(ending)") { try $0.write(bytes) }
    }
}
