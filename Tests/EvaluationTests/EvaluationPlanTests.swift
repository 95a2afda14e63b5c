import DataPipeline
import Evaluation
import ModelZoo
import TestSupport
import Testing

@Suite struct EvaluationPlanTests {
    private let repository = Fixture.path("../..")

    @Test func melodyMinisPlanReadsItsCaptions() throws {
        let plan = try EvaluationPlan(
            contentsOf: "\(repository)/Configs/melodymini/evaluation.yaml")
        #expect(
            plan.slots[.audio]?.read("a slow arch melody on the horn") == [
                "instrument": "horn", "contour": "arch", "tempo": "slow",
            ])
        #expect(
            plan.slots[.video]?.read("an accordion moving in a fast steady line, grey ground")
                == [
                    "instrument": "accordion", "contour": "steady", "tempo": "fast",
                    "colour": "grey",
                ])
        #expect(
            plan.slots[.image]?.read("I see a violin on the left, white ground.") == [
                "instrument": "violin", "place": "left", "colour": "white",
            ])
        #expect(plan.measured[.audio]?["contour"]?.by == .pitch)
        #expect(plan.chains.count == 3)
    }

    private func message(_ text: String) throws -> String {
        let settings = try Settings(text, name: "plan.yaml")
        return #expect(throws: SettingsError.self) { try EvaluationPlan(settings) }?.description
            ?? ""
    }

    @Test func saysWhatIsWrong() throws {
        #expect(
            try message("questions: {smell: What is it?}").contains("'smell', expected image, "))
        #expect(try message("question: {image: What?}").contains("questions"))
        #expect(
            try message("slots: {image: {colour: [red, red]}}").contains(
                "two different values or more"))
        #expect(
            try message(
                "slots: {image: {colour: [red, blue]}, audio: {contour: [up, down]}}\n"
                    + "measured: {audio: {contour: {by: motion}}}"
            ).contains("motion, expected pitch or onsets"))
        #expect(
            try message("measured: {audio: {contour: {by: pitch}}}").contains("no slot, expected"))
    }
}
