import Foundation

/// Notes of one length at 16 kHz, with overtones that are louder than the first.
///
/// - Parameter isPlucked: whether each note begins within ten milliseconds and fades
func testMelody(_ pitches: [Double], seconds: Double, isPlucked: Bool = false) -> [Float] {
    let count = Int(16_000 * seconds)
    var phase = 0.0
    return (0..<count).map { index in
        let place = Double(index) * Double(pitches.count) / Double(count)
        let note = min(pitches.count - 1, Int(place))
        phase += 2 * .pi * pitches[note] / 16_000
        let part = place - Double(note)
        let attack = min(1, part * seconds / Double(pitches.count) / 0.01)
        let level = isPlucked ? 0.2 * attack * exp(-5 * part) : 0.2
        let tones = [0.3, 0.8, 0.5, 0.2].enumerated()
        return Float(
            tones.reduce(0) { $0 + level * $1.element * sin(Double($1.offset + 1) * phase) })
    }
}
