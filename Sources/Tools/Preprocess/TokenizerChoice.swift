import Dialogue
import FoundationEssentials
import MelodyMini
import ModelZoo
import SouthGPT

/// The tokenizer that samples are counted and shown with.
struct TokenizerChoice {
    /// The layout over it; nil where none was named and none is there.
    let layout: SequenceLayout?

    /// Why a sample cannot be shown.
    struct Missing: Error, CustomStringConvertible {
        var description: String {
            "--show needs a tokenizer, and there is none in ckpt/pretrained_ckpt/vicuna_ckpt/7b_v0. "
                + "Name a folder that has tokenizer.model with --tokenizer."
        }
    }

    /// The folder named, or else Vicuna's under `root`, or else MelodyMini's.
    ///
    /// - Throws: `TokenizerError` for a folder that was named and has none, or a damaged one;
    ///   `ModelError` for a model folder that is not whole
    init(named name: String?, root: String) throws {
        let folder: String
        if let name {
            folder = try TokenizerChoice.place(in: name)
        } else if let usual = try TokenizerChoice.usual(root: root) {
            folder = usual
        } else {
            layout = nil
            return
        }
        let tokens = SignalTokens()
        layout = try SequenceLayout(
            LLaMATokenizer(folder: folder).adding(tokens.allNames), tokens)
    }

    private static func usual(root: String) throws -> String? {
        let vicuna = "\(root)/ckpt/pretrained_ckpt/vicuna_ckpt/7b_v0"
        if holdsTokenizer(vicuna) { return vicuna }
        return try (try? MelodyMini.folder()).map(place)
    }

    /// A folder with `tokenizer.model`, or where a model folder has its tokenizer.
    private static func place(in folder: String) throws -> String {
        if holdsTokenizer(folder) { return folder }
        do {
            return try ModelFolder(folder).path(of: "tokenizer")
        } catch ModelError.missingManifest, ModelError.missingFolder {
            return folder
        }
    }

    private static func holdsTokenizer(_ folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/tokenizer.model")
    }
}
