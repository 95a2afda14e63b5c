// A conversation of two turns: show the model a photo and let it answer in words, a picture and
// sound; then ask for a clip of what it made, which it sees and hears as context.
//
//   swift run TwoTurns MODEL_FOLDER PHOTO.jpg OUTPUT_FOLDER
import ModelZoo
import SouthGPT

let (model, photo, output) = (
    CommandLine.arguments[1], CommandLine.arguments[2], CommandLine.arguments[3]
)
let session = Session(try MultimodalModel(model))
let turns = [
    Request(
        "What is this? Draw it and play it.", media: [.image(photo)],
        output: OutputChoice(media: [.image, .audio])),
    Request("Now let it move.", output: OutputChoice(media: [.video])),
]
for (number, turn) in turns.enumerated() {
    for try await event in session.events(for: turn) {
        switch event {
        case .text(let piece): print(piece, terminator: "")
        case .progress(let progress): print("\(progress.job) \(progress.completed)")
        case .medium(let medium):
            try medium.write(to: "\(output)/turn-\(number + 1).\(medium.fileExtension)")
        }
    }
}
