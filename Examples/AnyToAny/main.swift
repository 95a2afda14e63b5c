// A picture, a sound and a clip go in with a question; words and a picture, a sound and a clip come out.
//
//   swift run AnyToAny MODEL_FOLDER OUTPUT_FOLDER
import ModelZoo
import SouthGPT

let session = Session(try MultimodalModel(CommandLine.arguments[1]))
let media: [MediumFile] = [
    .image("Examples/media/lake.jpg"), .audio("Examples/media/pluck.wav"),
    .video("Examples/media/waves.mp4"),
]
let output = OutputChoice(media: [.image, .audio, .video])
let request = Request("What do you see and hear?", media: media, output: output)
for try await event in session.events(for: request) {
    switch event {
    case .text(let words): print(words, terminator: "")
    case .progress(let progress): print(progress.job, progress.completed, "of", progress.total)
    case .medium(let made):
        try made.write(to: "\(CommandLine.arguments[2])/\(made.modality).\(made.fileExtension)")
    }
}
