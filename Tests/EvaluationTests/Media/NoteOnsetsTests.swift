import Evaluation
import Foundation
import TestSupport
import Testing

@Suite struct NoteOnsetsTests {
    @Test(arguments: [4, 8])
    func findsWhereNotesBegin(_ notes: Int) {
        let pitches = (0..<notes).map { 220 * exp2(Double($0) / 6) }
        let onsets = NoteOnsets(
            of: testMelody(pitches, seconds: 2, isPlucked: true), sampleRate: 16_000)
        let expected = (1..<notes).map { Double($0) * 2 / Double(notes) }
        // The first begins with the sound.
        let found = onsets.times.filter { $0 > 0.1 }
        #expect(found.count == expected.count, "\(found)")
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 0.03, "\(a) for \(b)") }
    }

    @Test(arguments: [false, true])
    func tellsFourNotesFromEight(_ isOneNote: Bool) {
        for (notes, tempo) in [(4, MelodyTempo.slow), (8, .fast)] {
            let pitches = (0..<notes).map { isOneNote ? 330 : 220 * exp2(Double($0) / 6) }
            let sound = testMelody(pitches, seconds: 2, isPlucked: true)
            #expect(
                MelodyTempo(of: NoteOnsets(of: sound, sampleRate: 16_000), seconds: 2) == tempo)
        }
    }

    @Test func silenceHasNone() {
        let onsets = NoteOnsets(of: [Float](repeating: 0, count: 32_000), sampleRate: 16_000)
        #expect(onsets.times.isEmpty)
        #expect(MelodyTempo(of: onsets, seconds: 2) == nil)
        #expect(NoteOnsets(of: [], sampleRate: 16_000).times.isEmpty)
    }

    @Test func agreementIsThatOfMirEval() throws {
        for onsets in try EvaluationFixture.load().onsets {
            let found = onsetAgreement(onsets.estimated, with: onsets.reference)
            #expect(abs(found - onsets.f) < 1e-12, "\(onsets)")
        }
    }
}
