import Foundation
import ModelZoo
import TestSupport
import Testing

// Golden ids over published files, which the repository may not hold.

private let hasLLaMA = TestData.has("llama/tokenizer.model")
private let hasPublished = TestData.has("published-configs/stable-diffusion-v1-5/tokenizer")

@Suite struct PublishedLLaMATokenizerTests {
    @Test(.enabled(if: hasLLaMA)) func encodesAsSentencePiece() throws {
        let model = try SentencePieceModel(contentsOf: TestData.path("llama/tokenizer.model"))
        #expect(model.vocabularySize == 32000)
        let golden: [(String, [Int])] = [
            ("Hello world", [15043, 3186]), ("Hello  world", [15043, 29871, 3186]),
            (" Hello", [29871, 15043]), ("", []), (" ", [259]), ("  ", [1678]),
            ("\n", [29871, 13]), ("a\nb", [263, 13, 29890]), ("###", [835]),
            ("### Human: ", [835, 12968, 29901, 29871]),
            ("\n### Assistant:", [29871, 13, 2277, 29937, 4007, 22137, 29901]),
            ("<0x0A>", [529, 29900, 29916, 29900, 29909, 29958]), ("<s>", [529, 29879, 29958]),
            ("héllo", [298, 3610, 417]),
            ("日本語 😀", [29871, 30325, 30346, 30968, 29871, 243, 162, 155, 131]),
            ("1234567", [29871, 29896, 29906, 29941, 29946, 29945, 29953, 29955]),
            ("\t", [29871, 12]), ("x\u{A0}y", [921, 30081, 29891]),
            ("\u{2581}\u{2581}a", [259, 263]), ("   lead", [1678, 3275]),
            ("trail   ", [26203, 1678]),
            ("Ünïcödé ñ", [7189, 29876, 30085, 29883, 9289, 29948, 29871, 30046]),
            ("한국어", [29871, 30877, 31293, 31129]),
            (
                "def f(x):\n    return x+1",
                [822, 285, 29898, 29916, 1125, 13, 1678, 736, 921, 29974, 29896]
            ),
            (
                "The quick brown fox jumps over the lazy dog.",
                [450, 4996, 17354, 1701, 29916, 432, 17204, 975, 278, 17366, 11203, 29889]
            ),
            (
                "Hello, y'all! How are you 😁 ?",
                [
                    15043, 29892, 343, 29915, 497, 29991, 1128, 526, 366, 29871, 243, 162, 155,
                    132, 1577,
                ]
            ),
        ]
        for (text, ids) in golden {
            #expect(model.encode(text) == ids, "\(text)")
            if !text.hasPrefix("\u{2581}") { #expect(model.decode(ids) == text) }
        }
        #expect(model.decode([243, 162, 155]) == "\u{FFFD}\u{FFFD}\u{FFFD}")
        #expect(model.decode([227, 15043]) == "\u{FFFD} Hello")
        #expect(model.decode([259, 15043]) == "  Hello")
    }

    @Test(.enabled(if: hasLLaMA)) func writesWhatItRead() throws {
        let path = TestData.path("llama/tokenizer.model")
        let model = try SentencePieceModel(contentsOf: path)
        #expect(model.serialized.count == 499_723)
        #expect(try SentencePieceModel(bytes: model.serialized, file: path).pieces == model.pieces)
    }

    @Test(.enabled(if: hasLLaMA)) func cutsAtTheSignalTokens() throws {
        let tokenizer = try LLaMATokenizer(folder: TestData.path("llama")).adding(signalTokens)
        #expect(tokenizer.vocabularySize == 32038)
        let golden: [(String, [Int])] = [
            ("### Human: <Img>", [835, 12968, 29901, 32000]),
            (
                "</Img> what is in this?\n### Assistant: ",
                [32001, 825, 338, 297, 445, 29973, 13, 2277, 29937, 4007, 22137, 29901, 29871]
            ),
            (
                "### Human: show me an image\n### Assistant:",
                [835, 12968, 29901, 1510, 592, 385, 1967, 13, 2277, 29937, 4007, 22137, 29901]
            ),
            ("It is a dog.\n###", [739, 338, 263, 11203, 29889, 13, 2277, 29937]),
            (
                "a bird sings[AUD0] [AUD1] [AUD2] [AUD3] [AUD4] [AUD5] [AUD6] [AUD7]\n###",
                [263, 11199, 269, 886] + Array(32030...32037) + [835]
            ),
            ("x[VID23]y", [921, 32029, 343]), ("[VID1] [VID10]", [32007, 32016]),
            ("a  <Img>  b", [263, 32000, 289]),
            ("</Img> \n### Assistant:", [32001, 835, 4007, 22137, 29901]),
            ("ab</s>cd", [633, 2, 14965]), ("ab </s> cd", [633, 29871, 2, 29871, 14965]),
            ("<s> Hello", [1, 29871, 15043]),
        ]
        for (text, ids) in golden { #expect(tokenizer.encode(text) == ids, "\(text)") }
        #expect(tokenizer.decode([1, 15043, 3186, 2]) == "<s> Hello world</s>")
        #expect(
            tokenizer.decode([1, 15043, 3186, 2], skippingSpecialTokens: true) == "Hello world")
        #expect(tokenizer.decode([1, 15043, 2, 2]) == "<s> Hello</s></s>")
        #expect(tokenizer.decode([1, 835, 12968]) == "<s>### Human")
        #expect(tokenizer.decode([32000, 263, 32001]) == "<Img> a </Img>")
        #expect(
            tokenizer.decode([263, 11203, 32002, 32003, 32004, 32005, 29871, 13, 2277, 29937])
                == "a dog [IMG0] [IMG1] [IMG2] [IMG3] \n###")
    }
}

@Suite struct PublishedByteLevelTokenizerTests {
    @Test(.enabled(if: hasPublished)) func encodesAsStableDiffusion() throws {
        let tokenizer = try CLIPTokenizer(
            folder: TestData.path("published-configs/stable-diffusion-v1-5/tokenizer"))
        #expect(tokenizer.vocabularySize == 49408)
        #expect(
            [Int]([tokenizer.startID, tokenizer.endID, tokenizer.padID]) == [49406, 49407, 49407])
        let golden: [(String, [Int])] = [
            ("A dog.", [320, 1929, 269]), ("a photo of a cat", [320, 1125, 539, 320, 2368]),
            ("Hello, world!", [3306, 267, 1002, 256]), ("日本", [39121, 19277, 361]),
            (
                "It's  a TEST &amp; more 123",
                [585, 568, 320, 1628, 261, 750, 272, 273, 274]
            ),
            ("café über", [15304, 6522, 1516]), ("", []),
            (
                "Hello,   World!! it's 3D <|endoftext|> café",
                [3306, 267, 1002, 748, 585, 568, 274, 323, 49407, 15304]
            ),
            (
                "a photo of an astronaut riding a horse on mars",
                [320, 1125, 539, 550, 18376, 6765, 320, 4558, 525, 7496]
            ),
        ]
        for (text, ids) in golden {
            #expect(tokenizer.encode(text) == ids, "\(text)")
            let padded = [49406] + ids + [Int](repeating: 49407, count: 76 - ids.count)
            #expect(tokenizer.encode(text, length: 77) == padded)
        }
    }

    @Test(.enabled(if: hasPublished)) func encodesAsZeroScope() throws {
        // ZeroScope's vocabulary is Stable Diffusion's.
        try withTemporaryFolder { folder in
            for (release, file) in [
                ("stable-diffusion-v1-5", "vocab.json"), ("stable-diffusion-v1-5", "merges.txt"),
                ("text-to-video-ms-1.7b", "tokenizer_config.json"),
                ("text-to-video-ms-1.7b", "special_tokens_map.json"),
            ] {
                let path = TestData.path("published-configs/\(release)/tokenizer/\(file)")
                try FileManager.default.copyItem(atPath: path, toPath: "\(folder)/\(file)")
            }
            let tokenizer = try CLIPTokenizer(folder: folder)
            #expect(tokenizer.padID == 0)
            let ids = tokenizer.encode("Hello,   World!! it's 3D <|endoftext|> café", length: 20)
            let expected = [
                49406, 3306, 267, 1002, 0, 0, 585, 568, 274, 323, 49407, 15304, 49407,
            ]
            #expect(ids == expected + [Int](repeating: 0, count: 7))
        }
    }

    @Test(.enabled(if: hasPublished)) func encodesAsAudioLDM() throws {
        let tokenizer = try RobertaTokenizer(
            folder: TestData.path("published-configs/audioldm-s-full-v2/tokenizer"))
        #expect(tokenizer.vocabularySize == 50265)
        let golden: [(String, [Int])] = [
            ("Hello world", [31414, 232]), (" Hello world", [20920, 232]),
            ("a dog barks", [102, 2335, 2003, 2258]), ("it's 123 ok", [405, 18, 17072, 15983]),
            ("日本", [47954, 8210, 44636, 11582]),
            ("A man  talking\nloud", [250, 313, 1437, 1686, 50118, 462, 6998]),
            ("a <mask> x", [102, 50264, 3023]),
            (
                "A train running and then a horn honking",
                [250, 2341, 878, 8, 172, 10, 21305, 11006, 7037]
            ),
            ("A hammer hitting a wooden surface", [250, 13547, 3022, 10, 11678, 4084]),
            ("", []),
            (
                "Techno music with a strong, upbeat tempo",
                [40529, 139, 930, 19, 10, 670, 6, 14899, 20889]
            ),
        ]
        for (text, ids) in golden {
            #expect(tokenizer.encode(text) == ids, "\(text)")
            let (padded, mask) = tokenizer.encode(text, length: 512)
            #expect(padded == [0] + ids + [2] + [Int](repeating: 1, count: 510 - ids.count))
            #expect(mask.reduce(0, +) == ids.count + 2)
        }
    }
}
