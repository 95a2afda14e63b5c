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
                "mosit_instruction", "video_instruction", "videochat_instruction", "webvid_dec",
                "webvid_enc",
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
            let answersWithMedia = entry.type.output != nil || entry.type == .anyToAny
            #expect((entry.embeddings != nil) == answersWithMedia, "\(entry.name)")
            let needsMedia = entry.type.input != nil || [.pair, .mosit].contains(entry.format)
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

    @Test func findsFoldersUnderBothNamesOfTheReadme() throws {
        try withTemporaryFolder { folder in
            try write("[]", "data/IT_data/T-T+X/audio_t2x.json", in: folder)
            try write("[]", "data/IT_data/MosIT/mosit.json", in: folder)
            let catalog = try Catalog(contentsOf: file, root: folder)
            let data = "\(folder)/data/IT_data"
            #expect(
                try catalog.entry("audio_instruction").dataPath == "\(data)/T-T+X/audio_t2x.json")
            #expect(try catalog.entry("mosit_instruction").dataPath == "\(data)/MosIT/mosit.json")
            // Where neither is there, the catalog's own spelling is what an error should name.
            #expect(
                try catalog.entry("alpaca_instruction").dataPath
                    == "\(data)/T+X-T_data/alpaca/alpaca.json")
        }
    }

    @Test func pathsOfTheReadmeStartAtItsCodeFolder() {
        #expect(resolvedPath("../data/a.json", root: ".") == "data/a.json")
        #expect(resolvedPath("/data/a.json", root: "/srv") == "/data/a.json")
    }
}
