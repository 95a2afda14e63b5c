import ModelZoo

/// The small tokenizers of the `tiny` preset, trained on sentences of our own in the published file
/// formats.
enum TinyTokenizers {
    /// A SentencePiece vocabulary for the language model.
    static func sentencePiece() throws -> LLaMATokenizer {
        try LLaMATokenizer(model: SentencePieceTrainer(vocabularySize: 512).train(sentences))
    }

    /// CLIP's four files; returns how many tokens there are.
    static func writeCLIP(to folder: String, padding: String) throws -> Int {
        try write(.clip(padding: padding), vocabularySize: 640, to: folder)
    }

    /// RoBERTa's files; returns how many tokens there are.
    static func writeRoberta(to folder: String) throws -> Int {
        try write(.roberta, vocabularySize: 400, to: folder)
    }

    private static func write(
        _ style: ByteLevelBPETrainer.Style, vocabularySize: Int, to folder: String
    ) throws -> Int {
        let vocabulary = try ByteLevelBPETrainer(style: style, vocabularySize: vocabularySize)
            .train(sentences)
        try vocabulary.write(to: folder)
        return vocabulary.tokens.count
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
