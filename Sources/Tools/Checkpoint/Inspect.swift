import ArgumentParser
import Foundation
import TensorCore
import ToolOptions

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the tensors of a checkpoint file or folder.",
        discussion: "Only tables of contents are read: a file of any size is listed at once.")

    @Argument(help: "A .safetensors, .pth, .pt, .bin, .ckpt or .npy file, or a folder of shards.")
    var path: String

    @OptionGroup var show: OutputOptions

    private struct Row: Encodable {
        let name: String
        let dtype: String
        let shape: [Int]
        let bytes: Int
        let file: String
    }

    private struct Report: Encodable {
        let file: String
        let tensors: [Row]
        let parameters: Int
        let bytes: Int
        let metadata: [String: String]
    }

    func run() throws {
        try reportingErrors(json: show.json) {
            let checkpoint = try Checkpoint(path: path)
            let rows = checkpoint.tensors.map {
                Row(
                    name: $0.name, dtype: $0.dtype.rawValue, shape: $0.shape, bytes: $0.byteCount,
                    file: $0.file)
            }
            let report = Report(
                file: checkpoint.file, tensors: rows,
                parameters: checkpoint.tensors.reduce(0) { $0 + $1.shape.elementCount },
                bytes: checkpoint.byteCount, metadata: checkpoint.metadata)
            if show.json {
                try show.printJSON(report)
                return
            }
            for row in rows { print("\(row.name)\t\(row.dtype)\t\(row.shape)") }
            print("\(rows.count) tensors, \(report.parameters) numbers, \(report.bytes) bytes")
        }
    }
}
