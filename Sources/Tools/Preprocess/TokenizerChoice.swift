import Dialogue
import FoundationEssentials
import MelodyMini
import ModelZoo

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
    /// - Throws: `TokenizerError` for a folder that was named and has none, or a damaged one
    init(named name: String?, root: String) throws {
        var places = ["\(root)/ckpt/pretrained_ckpt/vicuna_ckpt/7b_v0"]
        if let mini = try? MelodyMini.folder() { places += ["\(mini)/tokenizer", mini] }
        if let name {
            places = ["\(name)/tokenizer", name]
        }
        let found = places.first {
            FileManager.default.fileExists(atPath: "\($0)/tokenizer.model")
        }
        guard let folder = found ?? name else {
            layout = nil
            return
        }
        let tokens = SignalTokens()
        layout = try SequenceLayout(
            LLaMATokenizer(folder: folder).adding(tokens.allNames), tokens)
    }
}
