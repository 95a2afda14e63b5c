import ModelZoo

/// The tokenizers of the presets, trained on sentences of our own in the published file formats.
/// Where a vocabulary is to be larger than they give, made-up words fill it, so that the marks have
/// the published ids.
enum PresetTokenizers {
    /// A SentencePiece vocabulary for the language model.
    static func sentencePiece(_ vocabularySize: Int) throws -> LLaMATokenizer {
        let trainer = try SentencePieceTrainer(vocabularySize: min(vocabularySize, 512))
        return try LLaMATokenizer(model: trainer.train(sentences).padded(to: vocabularySize))
    }

    /// CLIP's four files.
    static func writeCLIP(_ vocabularySize: Int, padding: String, to folder: String) throws {
        try write(.clip(padding: padding), trained: 640, vocabularySize, to: folder)
    }

    /// RoBERTa's files.
    static func writeRoberta(_ vocabularySize: Int, to folder: String) throws {
        try write(.roberta, trained: 400, vocabularySize, to: folder)
    }

    private static func write(
        _ style: ByteLevelBPETrainer.Style, trained: Int, _ vocabularySize: Int, to folder: String
    ) throws {
        let trainer = try ByteLevelBPETrainer(
            style: style, vocabularySize: min(vocabularySize, trained))
        try trainer.train(sentences).padded(to: vocabularySize).write(to: folder)
    }

    /// Every instrument with every way to play it, and the words around them.
    private static var sentences: [String] {
        let instruments = [
            "piano", "guitar", "violin", "trumpet", "saxophone", "accordion", "banjo", "flute",
            "horn", "voice", "bells", "drum",
        ]
        let contours = ["rising", "falling", "steady", "arching", "valley-shaped"]
        let colours = ["red", "blue", "green", "yellow", "grey", "white"]
        var sentences = [
            "What is this?", "What do you see in the picture?", "Which instrument is playing?",
            "### Human: Hello! How are you?", "### Assistant: I am well, thank you.",
            "Compare the two sounds.", "Describe the clip in one sentence.",
            "I cannot do that, but I can play, draw and move things.",
            "0 1 2 3 4 5 6 7 8 9", "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z",
        ]
        for (index, instrument) in instruments.enumerated() {
            for (other, contour) in contours.enumerated() {
                let tempo = (index + other).isMultiple(of: 2) ? "slow" : "fast"
                let colour = colours[(index + other) % colours.count]
                sentences += [
                    "Play a \(tempo) \(contour) melody on the \(instrument).",
                    "### Human: Draw a \(instrument) on a \(colour) ground.",
                    "### Assistant: Here is the \(instrument) on the left, on \(colour).",
                    "The \(instrument) moves along a \(contour) line, \(tempo) and even.",
                ]
            }
        }
        return sentences
    }
}
