import DataPipeline
import ModelZoo
import TestSupport
import Testing

@Suite struct CatalogTests {
    let file = Fixture.path("../../Configs/catalog.yaml")

    @Test func listsEveryDatasetOfTheReference() throws {
        let catalog = try Catalog(contentsOf: file)
        #expect(
            catalog.entries.map(\.name) == [
                "alpaca_instruction", "audio_instruction", "audiocap_dec", "audiocap_enc",
                "cc3m_dec", "cc3m_enc", "image_instruction", "llava_instruction",
                "video_instruction", "videochat_instruction", "webvid_dec", "webvid_enc",
            ])
    }

    @Test func resolvesPathsFromTheRoot() throws {
        let entry = try Catalog(contentsOf: file, root: "/srv").entry("audiocap_dec")
        #expect(entry.type == .textToAudio)
        #expect(entry.type.medium == .audio)
        #expect(entry.dataPath == "/srv/data/T-X_pair_data/audiocap/audiocap.json")
        #expect(entry.mediaRoot == "/srv/data/T-X_pair_data/audiocap/audios")
        #expect(entry.embeddings == "/srv/data/embed/")
    }

    @Test func everyTypeThatAnswersWithAMediumHasEmbeddings() throws {
        for entry in try Catalog(contentsOf: file).entries {
            #expect((entry.embeddings != nil) == (entry.type.output != nil), "\(entry.name)")
            let needsMedia = entry.type.input != nil || entry.format == .pair
            #expect((entry.mediaRoot != nil) == needsMedia, "\(entry.name)")
        }
    }

    @Test func anUnknownNameListsTheValidOnes() throws {
        let catalog = try Catalog(contentsOf: file)
        let error = #expect(throws: SettingsError.self) { try catalog.entry("cc3m") }
        #expect(
            error?.description.contains("no dataset 'cc3m'; valid names: alpaca_instruction")
                == true)
    }

    @Test func pathsOfTheReadmeStartAtItsCodeFolder() {
        #expect(resolvedPath("../data/a.json", root: ".") == "data/a.json")
        #expect(resolvedPath("/data/a.json", root: "/srv") == "/data/a.json")
    }
}
