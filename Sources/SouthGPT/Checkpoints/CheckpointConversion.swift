import ModelZoo
import Synchronization
import TensorCore

/// Writes a checkpoint in another format or other types, one tensor in memory at a time.
public struct CheckpointConversion: Sendable {
    private let output: String
    private let types: TypeChoice
    private let input: ConversionInput
    private let format: Format

    private enum Format { case safetensors, gguf, pytorch }

    /// What was written.
    public struct Report: Encodable, Sendable {
        /// What a tensor lost.
        public struct Loss: Encodable, Sendable {
            public let name: String
            public let dtype: String
            /// The root of the squared errors' sum over that of the squares.
            public let relativeError: Float
            public let largestError: Float
        }

        public let file: String
        public let tensors: Int
        public let bytes: Int
        /// Of every tensor whose type is narrower than it was.
        public let errors: [Loss]
        /// What the output lacks, a line for each, with what mends it.
        public let remarks: [String]
    }

    /// Opens the input and decides what will be written.
    ///
    /// - Throws: `CheckpointError`, `ConfigError`, `TokenizerError`, `ModelError`
    public init(input: String, output: String, types: TypeChoice) throws {
        self.output = output
        self.types = types
        let ending = output.split(separator: ".").last.map(String.init) ?? ""
        switch ending {
        case "safetensors": format = .safetensors
        case "gguf": format = .gguf
        case "pt", "pth", "bin", "ckpt": format = .pytorch
        default:
            throw ModelError.invalidOption(
                name: "output", found: output,
                expected: "a name that ends in .safetensors, .gguf, .pt, .pth, .bin or .ckpt")
        }
        self.input = try ConversionInput(input, asGGUF: format == .gguf)
    }

    /// Writes the file.
    ///
    /// - Parameter progress: tensors written, of how many
    /// - Throws: `CheckpointError`
    public func write(progress: (Int, Int) -> Void = { _, _ in }) throws -> Report {
        let losses = LossRecord()
        let keepsBlocks = format == .gguf
        let written = input.tensors.map { tensor -> StoredTensor in
            let dtype = types.type(of: tensor, keepsBlocks: keepsBlocks)
            return tensor.mapped(dtype: dtype) { value in
                if dtype == value.dtype { return value }
                let result = dtype.isBlocked ? value.quantized(to: dtype) : value.cast(to: dtype)
                if dtype.isNarrower(than: value.dtype) {
                    losses.add(tensor.name, of: value, result)
                }
                return result
            }
        }
        func show(_ done: Int) { progress(done, written.count) }
        var input = input
        switch format {
        case .safetensors:
            try Safetensors.write(written, metadata: input.notes, to: output, progress: show)
        case .gguf:
            try GGUF.write(written, metadata: noted(written), to: output, progress: show)
        case .pytorch:
            try PyTorchArchive.write(written, metadata: input.notes, to: output, progress: show)
        }
        if format != .gguf {
            try input.describe(in: output.lastIndex(of: "/").map { String(output[..<$0]) } ?? ".")
        }
        return Report(
            file: output, tensors: written.count,
            bytes: written.reduce(0) { $0 + $1.byteCount }, errors: losses.all,
            remarks: input.remarks + types.remarks(on: written.map(\.name)))
    }

    /// The metadata with the type of the file's greater part, as llama.cpp numbers it.
    private func noted(_ tensors: [StoredTensor]) -> [GGUF.Entry] {
        let numbers: [DType: Int] = [
            .float32: 0, .float16: 1, .q4_0: 2, .q8_0: 7, .q4_K: 15, .q6_K: 18, .bfloat16: 32,
        ]
        let bytes = Dictionary(grouping: tensors, by: \.dtype).mapValues {
            $0.reduce(0) { $0 + $1.shape.elementCount }
        }
        let metadata = input.entries
        let main = bytes.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key
        return metadata.filter { $0.key != "general.file_type" } + [
            GGUF.Entry("general.file_type", .uint32(main.flatMap { numbers[$0] } ?? 0))
        ]
            + (metadata.contains { $0.key == "general.quantization_version" }
                ? [] : [GGUF.Entry("general.quantization_version", .uint32(2))])
    }
}

extension DType {
    /// Whether numbers lose something on their way from `other`.
    fileprivate func isNarrower(than other: DType) -> Bool {
        isBlocked || (self != .float32 && self != .float64 && self != other)
    }
}

/// What tensors lost, as they are written.
private final class LossRecord: Sendable {
    private let state = Mutex<[CheckpointConversion.Report.Loss]>([])

    var all: [CheckpointConversion.Report.Loss] { state.withLock { $0 } }

    func add(_ name: String, of value: Tensor, _ result: Tensor) {
        var (squares, errors, largest) = (0.0, 0.0, Float(0))
        var start = 0
        value.forEachStretch { part in
            let rows = part.rank > 0 ? part.shape[0] : 1
            let other =
                part.rank > 0 ? result.sliced(0, start..<(start + rows)) : result
            start += rows
            for (a, b) in zip(part.floats(), other.floats()) {
                squares += Double(a) * Double(a)
                errors += Double(a - b) * Double(a - b)
                largest = max(largest, abs(a - b))
            }
        }
        let loss = CheckpointConversion.Report.Loss(
            name: name, dtype: result.dtype.rawValue,
            relativeError: squares > 0 ? Float((errors / squares).squareRoot()) : 0,
            largestError: largest)
        state.withLock { $0.append(loss) }
    }
}
