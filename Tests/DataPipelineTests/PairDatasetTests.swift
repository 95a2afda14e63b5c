import DataPipeline
import Foundation
import TestSupport
import Testing

@Suite struct PairDatasetTests {
    private func dataset(_ json: String, type: DatasetType = .textToImage) throws -> PairDataset {
        try withTemporaryFolder { folder in
            let file = "\(folder)/pairs.json"
            try Data(json.utf8).write(to: URL(filePath: file))
            return try PairDataset(
                DatasetEntry(
                    name: "pairs", format: .pair, type: type, dataPath: file,
                    mediaRoot: "media/", embeddings: type.output == nil ? nil : "embed"))
        }
    }

    @Test func readsNamesAndCaptions() throws {
        let pairs = try dataset(
            #"[{"image_name": "4.jpg", "caption": "A \"Lighthouse\" at dusk", "id": 9}]"#)
        #expect(pairs.count == 1)
        #expect(pairs[0].name == "4.jpg")
        #expect(pairs[0].mediaPath == "media/4.jpg")
        #expect(pairs[0].caption == "a lighthouse at dusk")
        #expect(pairs[0].originalCaption == "A \"Lighthouse\" at dusk")
        #expect(pairs[0].embeddingPath == "embed/4.jpg.npy")
    }

    @Test func readsTheKeyOfItsModality() throws {
        let pairs = try dataset(
            #"[{"audio_name": "9001.wav", "caption": "a kettle"}]"#, type: .audioToText)
        #expect(pairs[0].mediaPath == "media/9001.wav")
        #expect(pairs[0].embeddingPath == nil)
    }

    @Test(arguments: [
        (#"[{"image_name": "a.jpg", "caption": "x"}, {"caption": "x"}]"#, "record 1"),
        (#"[{"video_name": "a.mp4", "caption": "x"}]"#, "'image_name' is missing"),
        (#"[{"image_name": "a.jpg"}]"#, "'caption' is missing"),
        (#"[{"image_name": "../a.jpg", "caption": "x"}]"#, "leaves the media folder"),
        (#"{"image_name": "a.jpg"}"#, "not a dataset"), ("[{", "not a dataset"),
    ])
    func saysWhichRecordIsBad(_ json: String, _ part: String) {
        let error = #expect(throws: DatasetError.self) { try dataset(json) }
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("A Dog;  runs", "a dog runs"), ("say \"hi\" (loud)", "say hi loud"),
        ("one\ttab", "one\ttab"), ("  both ends \n\n", "both ends"), ("#1: a*b~c", "1 a b c"),
        ("", ""), ("end )", "end"), ("a\n", "a"),
    ])
    func cleansCaptions(_ caption: String, _ expected: String) {
        #expect(cleanedCaption(caption) == expected)
    }
}
