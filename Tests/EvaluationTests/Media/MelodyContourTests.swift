import Evaluation
import Foundation
import MediaIO
import Testing

@Suite struct MelodyContourTests {
    private let tracker = PitchTracker(sampleRate: 16_000)

    @Test(arguments: MelodyContour.allCases, [4, 8])
    func namesTheContourOfAMelody(_ contour: MelodyContour, _ notes: Int) {
        let scale = [0, 2, 4, 5, 7, 9, 11, 12]
        let pitches = (0..<notes).map { index -> Double in
            let height = contour.height(at: Double(index) / Double(notes - 1))
            return 220 * exp2(Double(scale[Int((7 * height).rounded())]) / 12)
        }
        #expect(MelodyContour(of: testMelody(pitches, seconds: 2), by: tracker) == contour)
    }

    @Test func aSoundWithoutPitchHasNoContour() {
        #expect(MelodyContour(of: [Float](repeating: 0, count: 32_000), by: tracker) == nil)
    }

    @Test(arguments: MelodyContour.allCases, MelodyTempo.allCases)
    func namesContourAndTempoOfAMovement(_ contour: MelodyContour, _ tempo: MelodyTempo) {
        let steps = tempo == .slow ? 4 : 8
        let frames = (0..<8).map { frame -> RGBImage in
            let x = Double(frame * steps / 8) / Double(steps - 1)
            let (left, top) = (
                4 + Int(x * 40), 4 + Int((1 - contour.height(at: x)) * 40)
            )
            return square(left, top, ground: UInt8(90 + frame))
        }
        let track = MotionTrack(frames)
        #expect(MelodyContour(of: track) == contour)
        #expect(MelodyTempo(of: track) == tempo)
        #expect(track.places[0]?.x == 10.0 / 64)
        let top = 10 + Int((1 - contour.height(at: 0)) * 40)
        #expect(track.places[0]?.y == Double(top) / 64)
    }

    /// A dark square of twelve pixels on a ground that flickers a little.
    private func square(_ left: Int, _ top: Int, ground: UInt8) -> RGBImage {
        var pixels = [UInt8](repeating: ground, count: 3 * 64 * 64)
        for row in top..<(top + 12) {
            for column in left..<(left + 12) { pixels[3 * (row * 64 + column) + 1] = 10 }
        }
        return RGBImage(width: 64, height: 64, pixels: pixels)
    }

    @Test func anEmptyClipHasNeither() {
        let track = MotionTrack(
            [RGBImage](
                repeating: RGBImage(
                    width: 8, height: 8, pixels: [UInt8](repeating: 7, count: 192)), count: 8))
        #expect(track.places.allSatisfy { $0 == nil })
        #expect(MelodyContour(of: track) == nil)
        #expect(MelodyTempo(of: track) == nil)
    }

    /// A folder that Scripts/melodymini/make-data has filled.
    private static let data = ProcessInfo.processInfo.environment["SOUTHGPT_MELODY_DATA"]

    private struct Sound: Decodable {
        let audio_name, instrument, contour, tempo: String
    }

    @Test(.enabled(if: data != nil, "SOUTHGPT_MELODY_DATA names MelodyMini's data"))
    func namesContoursAndTempiOfRealInstruments() throws {
        let folder = try #require(MelodyContourTests.data)
        let sounds = try JSONDecoder().decode(
            [Sound].self, from: Data(contentsOf: URL(filePath: "\(folder)/test/audio.json")))
        var (contours, tempi): ([Bool], [Bool]) = ([], [])
        for sound in sounds {
            let samples = try Waveform(contentsOf: "\(folder)/\(sound.audio_name)").channels[0]
            // Voices enter late; bells and drums have no fundamental that listeners agree on.
            guard sound.instrument != "voice" else { continue }
            let tempo = MelodyTempo(
                of: NoteOnsets(of: samples, sampleRate: 16_000), seconds: 2)
            tempi.append(tempo?.rawValue == sound.tempo)
            guard !["bells", "drum"].contains(sound.instrument) else { continue }
            let contour = MelodyContour(of: samples, by: tracker)
            contours.append(contour?.rawValue == sound.contour)
        }
        #expect(Double(contours.count { $0 }) >= 0.97 * Double(contours.count))
        #expect(Double(tempi.count { $0 }) >= 0.97 * Double(tempi.count))
    }
}
