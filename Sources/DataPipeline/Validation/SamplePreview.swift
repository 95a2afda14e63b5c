import Dialogue
import FoundationEssentials
import MediaIO
import ModelZoo

/// A sample to look at in a report's page: what is said, and small pictures of its media.
struct SamplePreview: Sendable {
    let title: String
    /// Who speaks, and the beginning of what.
    let turns: [(speaker: String, text: String)]
    /// Pieces of HTML, pictures within them.
    let media: [String]

    private static let thumbnailSize = 112

    init(_ sample: DialogueSample) {
        title = "record \(sample.place.record)"
        turns = sample.messages.map { message in
            let signals = message.parts.compactMap { part -> String? in
                guard case .signal(let modality) = part else { return nil }
                return "[\(modality.rawValue)]"
            }
            let text = ([excerpt(message.text, limit: 400)] + signals).joined(separator: " ")
            return (message.role.rawValue, text)
        }
        media = sample.media.prefix(4).map { medium in
            do {
                return try medium.withPath { try SamplePreview.picture(medium.modality, $0) }
            } catch {
                return "<p class=\"bad\">\(escaped("\(error)"))</p>"
            }
        }
    }

    private static func picture(_ modality: Modality, _ path: String) throws -> String {
        switch modality {
        case .image: return try thumbnail(RGBImage(contentsOf: path))
        case .video:
            let video = try VideoFile(contentsOf: path)
            let last = video.frameCount - 1
            return try video.frames([0, last / 2, last]).map(thumbnail).joined()
        case .audio: return waveform(try Waveform(contentsOf: path))
        }
    }

    private static func thumbnail(_ image: RGBImage) throws -> String {
        let name = "southgpt-\(UInt64.random(in: 0 ... .max)).jpg"
        let file = FileManager.default.temporaryDirectory.appending(component: name).path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try image.resizedAndCut(thumbnailSize).writeJPEG(to: file, quality: 80)
        let data = try Data(contentsOf: URL(filePath: file)).base64EncodedString()
        return "<img width=\"\(thumbnailSize)\" height=\"\(thumbnailSize)\" alt=\"\" "
            + "src=\"data:image/jpeg;base64,\(data)\">"
    }

    /// The loudest sample of each of 160 equal pieces.
    private static func waveform(_ sound: Waveform) -> String {
        let (width, height) = (160, 56)
        let samples = sound.channels[0]
        let bars = (0..<min(width, samples.count)).map { column -> String in
            let piece =
                column * samples.count
                / width..<max(
                    column * samples.count / width + 1, (column + 1) * samples.count / width)
            let peak = min(
                1, samples[piece.clamped(to: 0..<samples.count)].reduce(0) { max($0, abs($1)) })
            let half = max(1, Int(peak * Float(height / 2)))
            return "M\(column) \(height / 2 - half)v\(2 * half)"
        }
        let tenths = Int(min(1e9, sound.duration * 10))
        return "<svg width=\"\(width)\" height=\"\(height)\"><path stroke=\"#476\" "
            + "d=\"\(bars.joined())\"/></svg><small>\(tenths / 10).\(tenths % 10) s, "
            + "\(sound.sampleRate) Hz</small>"
    }
}

/// A text as HTML shows it.
func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        default: result.unicodeScalars.append(character)
        }
    }
    return result
}
