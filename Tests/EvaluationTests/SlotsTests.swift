import Evaluation
import Testing

@Suite struct SlotsTests {
    private let slots = Slots([
        "place": ["left", "in the middle", "right"], "colour": ["red", "blue"],
    ])

    @Test func readsTheOneValueWhoseWordsOccur() {
        #expect(
            slots.read("I see a drum in the middle, RED ground.") == [
                "place": "in the middle", "colour": "red",
            ])
    }

    @Test func leavesOutWhatIsSaidTwiceOrNotAtAll() {
        #expect(slots.read("on the left, or on the right; blueish") == [:])
        #expect(slots.read("") == [:])
        // Parts of words and of runs do not count.
        #expect(slots.read("a middle-aged redhead") == [:])
    }
}
