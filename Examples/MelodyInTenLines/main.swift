// MelodyMini in ten lines: ask it for something, read what it says, keep what it makes.
//
//   swift run MelodyInTenLines "Play a slow rising melody on the violin."
import MelodyMini
import SouthGPT

let prompt = CommandLine.arguments.dropFirst().first ?? "Play a slow rising melody on the violin."
let reply = try Session(MelodyMini.load()).respond(to: Request(prompt))
print(reply.text)
for (number, medium) in reply.media.enumerated() {
    let file = "melody-\(number + 1).\(medium.fileExtension)"
    try medium.write(to: file)
    print(file)
}
