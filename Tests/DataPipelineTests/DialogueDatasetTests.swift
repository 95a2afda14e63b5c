import DataPipeline
import Dialogue
import Foundation
import ModelZoo
import TestSupport
import Testing

@Suite struct DialogueDatasetTests {
    /// Reads a dataset of that text, with media of those names in its folder.
    private func samples(
        _ text: String, _ name: String = "data.json", _ format: DatasetFormat = .pair,
        type: DatasetType, media: [String] = []
    ) throws -> [DialogueSample] {
        try withTemporaryFolder { folder in
            for medium in media { try write("x", "media/\(medium)", in: folder) }
            let dataset = try DialogueDataset(
                DatasetEntry(
                    name: "set", format: format, type: type,
                    dataPath: write(text, name, in: folder), mediaRoot: "\(folder)/media",
                    embeddings: "\(folder)/embed"))
            return try (0..<dataset.count).map { index in
                let sample = try dataset.sample(index)
                if !media.isEmpty { #expect(sample.media.allSatisfy { $0.exists }) }
                return sample
            }
        }
    }

    private func failure(
        _ text: String, _ format: DatasetFormat = .pair, _ type: DatasetType = .textToImage
    ) -> String {
        do {
            return "\(try samples(text, "data.json", format, type: type))"
        } catch {
            return "\(error)"
        }
    }

    @Test func aPairAsksForItsCaption() throws {
        let text = #"[{"image_name": "4.jpg", "caption": "A \"Lighthouse\" at dusk", "id": 9}]"#
        let sample = try samples(text, type: .imageToText, media: ["4.jpg"])[0]
        #expect(
            sample.messages == [
                Message(.human, [.medium(.image, name: "4.jpg"), .text("generate a caption")]),
                Message(.assistant, "a lighthouse at dusk"),
            ])
        #expect(sample.targets.isEmpty)
        #expect(sample.place.line == 1)
    }

    @Test func aPairsCaptionAsksForItsMedium() throws {
        let text = #"[{"audio_name": "9.wav", "caption": "A Kettle; whistles"}]"#
        let sample = try samples(text, type: .textToAudio)[0]
        #expect(
            sample.messages == [
                Message(.human, "a kettle whistles"),
                Message(.assistant, [.text("a kettle whistles"), .signal(.audio)]),
            ])
        // Embeddings are computed from the caption as it stands.
        #expect(
            sample.targets == [
                .init(modality: .audio, caption: "A Kettle; whistles", name: "9.wav")
            ])
        #expect(sample.media.isEmpty)
    }

    @Test func readsTheTablesAsPublished() throws {
        let cc3m = try samples(
            "a cat\thttp://x/1.jpg\nhttp://x/2.jpg\ta dog\n", "Train.tsv", type: .imageToText,
            media: ["000000000.jpg", "00000/000000001.jpg"])
        #expect(cc3m.map { $0.messages[1].text } == ["a cat", "a dog"])
        #expect(cc3m.map { $0.media[0].name } == ["000000000.jpg", "000000001.jpg"])
        let webvid = try samples(
            "videoid,contentUrl,duration,page_dir,name\n77,http://x,PT00H,004_01,\"Waves, slow\"\n",
            "results.csv", type: .videoToText, media: ["004_01/77.mp4"])
        #expect(webvid[0].messages[1].text == "waves, slow")
        let caps = try samples(
            "audiocap_id,youtube_id,start_time,caption\n91,abc,30,A bell rings\n", "train.csv",
            type: .audioToText, media: ["91.wav"])
        #expect(caps[0].media[0].name == "91.wav")
        #expect(caps[0].messages[1].text == "a bell rings")
    }

    @Test func aWebVidTableNeedsNoFolders() throws {
        for table in [
            "videoid,name,page_dir\n777,Waves,\n", "videoid,name\n777,Waves\n",
            "videoid,name,page_dir\n777,Waves,004_01\n",
        ] {
            let read = try samples(table, "w.csv", type: .videoToText, media: ["777.mp4"])
            #expect(read[0].media[0].name == "777.mp4")
        }
    }

    @Test func readsShards() throws {
        let entries = [TarEntry("0.jpg", "PIXELS"), TarEntry("0.txt", "A sunset")]
        try withTemporaryFolder { folder in
            let path = try write(archive(entries), "0.tar", in: folder)
            let dataset = try DialogueDataset(
                DatasetEntry(name: "s", format: .pair, type: .imageToText, dataPath: path))
            let sample = try dataset.sample(0)
            #expect(sample.messages[1].text == "a sunset")
            let bytes = try sample.media[0].withPath {
                try String(contentsOf: URL(filePath: $0), encoding: .utf8)
            }
            #expect(bytes == "PIXELS")
        }
    }

    @Test func readsTheUnifiedFormat() throws {
        let text = """
            [{"image_name": "a.jpg", "output_modality": "text", "conversation": [
              {"from": "human", "value": "What is on the table?", "input_modality": "image"},
              {"from": "gpt", "value": "A teapot.", "caption": "", "output_modality": "text"},
              {"from": "human", "value": "Which colour?", "input_modality": "text"},
              {"from": "gpt", "value": "Red.", "caption": "", "output_modality": "text"}]},
             {"image_name": "00000000000", "output_modality": "text", "conversation": [
              {"from": "human", "value": "Write <image> in HTML.", "input_modality": "text"},
              {"from": "gpt", "value": "<img>", "caption": "", "output_modality": "text"}]}]
            """
        let read = try samples(text, "llava.json", .tx2t, type: .imageToText, media: ["a.jpg"])
        #expect(
            read[0].messages == [
                Message(.human, [.medium(.image, name: "a.jpg"), .text("What is on the table?")]),
                Message(.assistant, "A teapot."), Message(.human, "Which colour?"),
                Message(.assistant, "Red."),
            ])
        #expect(read[1].messages[0] == Message(.human, "Write <image> in HTML."))
        #expect(read[1].media.isEmpty)
    }

    @Test func readsLLaVAAsPublished() throws {
        let text = """
            [{"id": "1", "image": "coco/train/9.jpg", "conversations": [
              {"from": "human", "value": "<image>\\nWhat is this?"},
              {"from": "gpt", "value": "A cat."}, {"from": "human", "value": "Sure?"},
              {"from": "gpt", "value": "Yes."}, {"from": "human", "value": "unanswered"}]},
             {"id": "2", "image": "9.jpg", "conversations": [
              {"from": "human", "value": "Describe it.\\n<image>"}, {"from": "gpt", "value": "Ok."}]}]
            """
        let read = try samples(text, "raw.json", .tx2t, type: .imageToText, media: ["9.jpg"])
        #expect(
            read[0].messages[0]
                == Message(
                    .human, [.medium(.image, name: "coco/train/9.jpg"), .text("What is this?")])
        )
        #expect(read[0].messages.count == 4)
        #expect(read[1].messages[0].text == "Describe it.")
    }

    @Test func readsAlpacaAndVideoChat() throws {
        let alpaca = try samples(
            #"[{"instruction": "Add.", "input": "1 2", "output": "3"}, {"instruction": "Hi", "input": "", "output": "Ho"}]"#,
            "a.json", .tx2t, type: .textToText)
        #expect(alpaca.map { $0.messages[0].text } == ["Add.\n1 2", "Hi"])
        let chat = try samples(
            #"[{"video": "001_050/12.mp4", "QA": [{"i": "Look.", "q": "Who?", "a": "Ann."}, {"q": "Why?", "a": "So."}]}]"#,
            "v.json", .tx2t, type: .videoToText, media: ["12.mp4"])
        #expect(
            chat[0].messages[0]
                == Message(.human, [.medium(.video, name: "001_050/12.mp4"), .text("Look.\nWho?")]))
        #expect(chat[0].messages.count == 4)
        #expect(chat[0].messages[2] == Message(.human, "Why?"))
    }

    @Test(arguments: [
        #""mm_name": "t/9.wav""#, #""audio_name": "9.wav", "image_name": "no.jpg""#,
        #""image_name": "9.wav""#, #""source_data": {"audiocap_id": 9}"#,
    ])
    func readsEverySpellingOfATextToMediumDialogue(_ name: String) throws {
        let text = """
            [{\(name), "conversation": [{"from": "human", "value": "Rain?", "input_modality": "text"},
              {"from": "gpt", "value": "Here.", "caption": "Rain falls", "output_modality": "audio"},
              {"from": "human", "value": "Again"}, {"from": "gpt", "value": "Hm.", "caption": ""},
              {"from": "human", "value": "More"},
              {"from": "gpt", "value": "So.", "caption": "More rain", "output_modality": "audio"}]}]
            """
        let sample = try samples(text, "audio_t2x.json", .t2x, type: .textToAudio)[0]
        #expect(sample.messages[1] == Message(.assistant, [.text("Here."), .signal(.audio)]))
        #expect(sample.messages[3] == Message(.assistant, "Hm."))
        #expect(
            sample.targets == [
                .init(modality: .audio, caption: "Rain falls", name: "9.wav"),
                .init(modality: .audio, caption: "More rain", name: "9.2.wav"),
            ])
    }

    @Test func readsSeveralMediaATurnOfMosIT() throws {
        let text = """
            [{"image_list": [{"image_name": "a.jpg", "caption": "an opening"},
                             {"image_name": "gone.jpg", "caption": "a lost game"}],
              "video_list": [], "audio_list": [{"audio_name": "b.wav", "caption": "a clock"}],
              "conversation": [
              {"from": "human", "value": "Is <Image>a.jpg</Image> < <Image>gone.jpg</Image>?"},
              {"from": "gpt", "value": "See <Image>a.jpg</Image> <image>an opening</image>and <Audio>b.wav</Audio>"}]}]
            """
        let sample = try samples(text, "mosit.json", .mosit, type: .anyToAny, media: ["a.jpg"])[0]
        #expect(
            sample.messages == [
                Message(
                    .human,
                    [
                        .text("Is "), .medium(.image, name: "a.jpg"), .text(" < "),
                        .text("a lost game"), .text("?"),
                    ]),
                Message(
                    .assistant,
                    [.text("See "), .signal(.image), .text(" and "), .signal(.audio)]),
            ])
        #expect(sample.media.map(\.name) == ["a.jpg"])
        #expect(
            sample.targets == [
                .init(modality: .image, caption: "an opening", name: "a.jpg"),
                .init(modality: .audio, caption: "a clock", name: "b.wav"),
            ])
    }

    @Test func countsMosITsMediaThatAreNotThereAndRefusesWhatIsOutside() throws {
        func text(_ name: String) -> String {
            """
            [{"image_list": [{"image_name": "a.jpg", "caption": "one"},
                             {"image_name": "\(name)", "caption": "two"}],
              "conversation": [
              {"from": "human", "value": "<Image>a.jpg</Image> or <Image>\(name)</Image>?"},
              {"from": "gpt", "value": "Both."}]}]
            """
        }
        let sample = try samples(
            text("gone.jpg"), "m.json", .mosit, type: .anyToAny, media: ["a.jpg"])[0]
        #expect(sample.absentMedia == 1)
        #expect(sample.messages[0].text.contains("two"))
        let none = try samples(text("gone.jpg"), "m.json", .mosit, type: .anyToAny)[0]
        #expect(none.absentMedia == 2)
        let error = #expect(throws: DatasetError.self) {
            try samples(text("../m.json"), "m.json", .mosit, type: .anyToAny, media: ["a.jpg"])
        }
        #expect(
            error?.description
                == "../m.json: found a name that leaves the media folder, expected one within it. "
                + "Mend or remove the record.")
    }

    @Test func refusesMarkersInLaterQuestions() throws {
        func text(_ last: String) -> String {
            """
            [{"image": "a.jpg", "conversations": [
              {"from": "human", "value": "<image>\\nWhat?"}, {"from": "gpt", "value": "A cat."},
              {"from": "human", "value": "\(last)"}, {"from": "gpt", "value": "Yes."}]}]
            """
        }
        #expect(
            failure(text("And <image>?"), .tx2t, .imageToText).hasSuffix(
                "data.json:1: record 0: found '<image>' in turn 3, expected markers in the first "
                    + "question alone. Mend or remove the record."))
        let plain = try samples(text("Sure?"), "d.json", .tx2t, type: .imageToText)
        #expect(plain[0].messages[2].text == "Sure?")
        // Without media, text about markup is text.
        let markup = text("<image>?").replacing("\"image\": \"a.jpg\", ", with: "")
            .replacing("conversations", with: "conversation").replacing("<image>\\nWhat", with: "x")
        let about = try samples(markup, "d.json", .tx2t, type: .imageToText)
        #expect(about[0].messages[2].text == "<image>?")
    }

    @Test(arguments: [
        (
            #"[{"image_name": "a.jpg", "caption": "x"}, {"caption": "x"}]"#,
            "record 1: found no 'image_name'"
        ),
        (#"[{"video_name": "a.mp4", "caption": "x"}]"#, "found no 'image_name'"),
        (#"[{"image_name": "a.jpg"}]"#, "found no 'caption' or 'text'"),
        (#"[{"image_name": 7.5, "caption": "x"}]"#, "the number 7.5 under 'image_name'"),
        (#"[{"image_name": "a.jpg", "caption": ["x"]}]"#, "a list under 'caption'"),
        (#"[{"image_name": "a.jpg", "caption": " ()\n"}]"#, "a caption without words"),
    ])
    func saysWhatIsWrongWithAPair(_ json: String, _ part: String) {
        let found = failure(json)
        #expect(found.contains(part), "\(found)")
    }

    @Test(arguments: [
        ("[]", "no 'conversation'"), ("{}", "an object under 'conversation'"),
        (#"[{"from": "gpt", "value": "x"}]"#, "turn 1 from 'gpt', expected 'human'"),
        (#"[{"from": "human", "value": "x"}]"#, "a question without an answer"),
        (
            #"[{"from": "human", "value": 1.5}, {"from": "gpt", "value": "y"}]"#,
            "number 1.5 under 'value'"
        ),
        (#"["x"]"#, "the text 'x' as turn 1"),
        (
            #"[{"from": "human", "value": "<image> <image>", "input_modality": "image"}, {"from": "gpt", "value": "y"}]"#,
            "found 2 '<image>' in the first question, expected 1"
        ),
        (
            #"[{"from": "human", "value": "x", "input_modality": "smell"}, {"from": "gpt", "value": "y"}]"#,
            "the input_modality 'smell'"
        ),
        (
            #"[{"from": "human", "value": "x", "input_modality": "text"}, {"from": "gpt", "value": "y", "output_modality": "image"}]"#,
            "an answer with image and no caption"
        ),
    ])
    func saysWhatIsWrongWithADialogue(_ turns: String, _ part: String) {
        let found = failure(
            #"[{"image_name": "a.jpg", "conversation": \#(turns)}]"#, .tx2t, .imageToText)
        #expect(found.contains(part), "\(found)")
    }

    @Test func refusesTextsOfMillionsOfCharacters() {
        let long = String(repeating: "a", count: 4_000_000)
        let found = failure(#"[{"image_name": "a.jpg", "caption": "\#(long)"}]"#)
        #expect(found.contains("4000000 bytes of text under 'caption', expected at most 1000000"))
        #expect(found.count < 1_000)
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
