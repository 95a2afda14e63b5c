import DataPipeline
import Foundation
import MediaIO
import TestSupport

/// A parser of untrusted files; `Scripts/fuzz` names one.
enum Parser: String, CaseIterable {
    case json, jsonl, csv, tsv, tar, exif
    case safetensors, zip, pickle, legacy, gguf, npy, npz, llama2c
    case sentencePieces = "tokenizer.model"
    case tokenizer = "tokenizer.json"
    case config = "config.json"
    case pattern

    /// Reads an input, or refuses it by an error of ours; anything else ends the process, which is
    /// what is looked for.
    func read(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .json: readRecords(bytes, as: .json)
        case .jsonl: readRecords(bytes, as: .jsonLines)
        case .csv: readRecords(bytes, as: .csv)
        case .tsv: readRecords(bytes, as: .tsv)
        case .tar:
            readRecords(bytes, as: .tar)
            withTarChecksums(bytes).withUnsafeBytes { readRecords($0, as: .tar) }
        case .exif:
            let orientation = EXIF.orientation(ofPicture: bytes)
            precondition((1...8).contains(orientation), "an orientation of \(orientation)")
        case .safetensors, .legacy, .npy, .llama2c: readCheckpoint(bytes)
        case .zip, .npz:
            readCheckpoint(bytes)
            withRightChecksums(Array(bytes)).withUnsafeBytes(readCheckpoint)
        case .pickle: readPickle(bytes)
        case .gguf:
            readCheckpoint(bytes)
            readGGUF(bytes)
        case .sentencePieces: readSentencePieces(bytes)
        case .tokenizer: readTokenizerJSON(bytes)
        case .config: readConfig(bytes)
        case .pattern: readPattern(bytes)
        }
    }

    /// The one that this process feeds.
    static let chosen: Parser = {
        let name = ProcessInfo.processInfo.environment["SOUTHGPT_FUZZ"] ?? ""
        guard let parser = Parser(rawValue: name) else {
            fatalError("SOUTHGPT_FUZZ is '\(name)'; start this by Scripts/fuzz")
        }
        return parser
    }()
}

/// libFuzzer's entry point.
@c(LLVMFuzzerTestOneInput)
func fuzz(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
    Parser.chosen.read(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
