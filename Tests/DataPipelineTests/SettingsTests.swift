import DataPipeline
import Testing

@Suite struct SettingsTests {
    struct Outer: Decodable, Equatable {
        struct Inner: Decodable, Equatable {
            var learningRate: Double
            var betas: [Double]
        }
        var seed: Int
        var name: String?
        var inner: Inner
        var table: [String: Int]?
    }

    let text = "seed: 13\ninner:\n  learning_rate: 4e-4\n  betas: [0.9, 0.95]\n"

    @Test func readsSnakeCaseIntoProperties() throws {
        let read = try Settings(text, name: "a.yaml").decode(Outer.self)
        #expect(
            read == Outer(seed: 13, inner: .init(learningRate: 4e-4, betas: [0.9, 0.95])))
    }

    @Test func laterLayersWinKeyByKey() throws {
        var settings = try Settings(text, name: "a.yaml")
        try settings.overlay(Settings("inner: {betas: [0.5]}\nname: b", name: "b.yaml"))
        try settings.set("inner.learning_rate=0.25")
        let read = try settings.decode(Outer.self)
        #expect(read == Outer(seed: 13, name: "b", inner: .init(learningRate: 0.25, betas: [0.5])))
    }

    @Test func refusesAnUnknownKeyAndNamesTheNearestAndItsFile() throws {
        var settings = try Settings(text, name: "a.yaml")
        try settings.overlay(Settings("inner: {learning_rat: 1}", name: "b.yaml"))
        let error = #expect(throws: SettingsError.self) { try settings.decode(Outer.self) }
        #expect(
            error?.description
                == "b.yaml: unknown key 'inner.learning_rat'; did you mean "
                + "'inner.learning_rate'?")
    }

    @Test func anAssignmentOfNothingTakesAValueAway() throws {
        struct Limits: Codable { var limit: Int? }
        var settings = try Settings("limit: 3", name: "a.yaml")
        #expect(try settings.decode(Limits.self).limit == 3)
        try settings.set("limit=")
        #expect(try settings.decode(Limits.self).limit == nil)
        #expect(settings.has("limit") && !settings.has("other"))
        #expect(throws: SettingsError.self) { try settings.set("limit") }
    }

    @Test func listsTheValidKeysWhereNoneIsNear() throws {
        let settings = try Settings(text + "colour_scheme: red", name: "a.yaml")
        let error = #expect(throws: SettingsError.self) { try settings.decode(Outer.self) }
        #expect(
            error?.description
                == "a.yaml: unknown key 'colour_scheme'; valid here: inner, name, seed, table.")
    }

    @Test func acceptsAnyKeyWhereATableOfNamesIsRead() throws {
        let read = try Settings(text + "table: {cc3m_enc: 1, B: 2}", name: "a.yaml")
            .decode(Outer.self)
        #expect(read.table == ["cc3m_enc": 1, "B": 2])
    }

    @Test(arguments: [
        ("seed: many\ninner: {learning_rate: 1, betas: []}", "a.yaml: 'seed' is 'many', "),
        ("inner: {learning_rate: 1, betas: []}", "a.yaml: 'seed' is missing."),
        ("seed: 1\ninner: 2", "a.yaml: 'inner' is '2', expected a mapping"),
        ("seed: 1\ninner: {learning_rate: 1, betas: 3}", "a.yaml: 'inner.betas' is '3', "),
        ("- 1", "a.yaml: not a mapping"), ("a: [", "a.yaml: not YAML"),
    ])
    func saysWhatIsWrong(_ text: String, _ beginning: String) {
        let error = #expect(throws: SettingsError.self) {
            try Settings(text, name: "a.yaml").decode(Outer.self)
        }
        #expect(error?.description.hasPrefix(beginning) == true, "\(error?.description ?? "")")
    }

    @Test func hoistsTheSectionOfTheRunningMode() throws {
        struct Flat: Decodable, Equatable { var epochs: Int }
        var settings = try Settings(
            "epochs: 5\ntrain: {epochs: 1}\ntest: {epochs: 9}", name: "a.yaml")
        settings.hoist("train", dropping: ["test", "validation"])
        #expect(try settings.decode(Flat.self) == Flat(epochs: 1))
    }
}
