import FoundationEssentials
import TensorCore

/// Vicuna from LLaMA and the published differences.
///
/// - Source: FastChat 0.1.10, `apply_delta.py`: every tensor is the sum; the embedding and the head
///   of the base get a row of zeros where the delta has one for its padding token
public struct DeltaMerge: Sendable {
    private let base: Checkpoint
    private let delta: Checkpoint
    private let folder: String

    /// What was written.
    public struct Report: Encodable, Sendable {
        public let folder: String
        public let tensors: Int
        public let bytes: Int
    }

    /// Opens both folders and holds their tensors against each other.
    ///
    /// - Throws: `CheckpointError` where a tensor is missing in one, or the shapes cannot be added;
    ///   `ModelError` where the base is the differences, or the delta none
    public init(base: String, delta: String) throws {
        self.base = try Checkpoint.anywhere(base)
        self.delta = try Checkpoint(folder: delta)
        folder = delta
        try refuseBareDelta(in: self.base)
        // Of whole weights these are near one or above: added, they would be neither model.
        if let (file, mean) = try self.delta.lastScales(), mean > 0.5 {
            throw ModelError.noDelta(file: file)
        }
        for tensor in self.base.tensors where !DeltaMerge.isIgnored(tensor.name) {
            guard let other = self.delta[tensor.name] else {
                throw CheckpointError.missing(
                    name: tensor.name, expected: tensor.shape, file: self.delta.file)
            }
            let growsAtMost =
                tensor.shape.count == 2 && other.shape.count == 2
                && other.shape[1] == tensor.shape[1] && other.shape[0] >= tensor.shape[0]
                && ["model.embed_tokens.weight", "lm_head.weight"].contains(tensor.name)
            guard other.shape == tensor.shape || growsAtMost else {
                throw CheckpointError.shapeMismatch(
                    name: tensor.name, found: other.shape, expected: tensor.shape, file: other.file)
            }
        }
        let rest = self.delta.tensors.map(\.name).filter {
            self.base[$0] == nil && !DeltaMerge.isIgnored($0)
        }
        if !rest.isEmpty {
            throw CheckpointError.unexpected(names: rest, file: self.delta.file)
        }
    }

    private static func isIgnored(_ name: String) -> Bool { name.hasSuffix("rotary_emb.inv_freq") }

    /// Writes `model.safetensors` and copies the delta's descriptions.
    ///
    /// - Throws: `CheckpointError`, `ModelError.occupied` for a folder that has weights
    public func write(
        to output: String, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> Report {
        let files = FileManager.default
        let present = files.names(in: output).contains {
            $0.hasSuffix(".safetensors") || $0.hasSuffix(".bin")
        }
        guard !present else { throw ModelError.occupied(folder: output) }
        try makeFolder(output)
        let names = delta.tensors.filter { !DeltaMerge.isIgnored($0.name) }
        let sums = names.compactMap { difference in
            base[difference.name].map { stored in
                difference.mapped { value in
                    defer {
                        stored.forget()
                        difference.forget()
                    }
                    return try DeltaMerge.sum(stored.tensor(), value)
                }
            }
        }
        try Safetensors.write(sums, to: "\(output)/model.safetensors") {
            progress($0, sums.count)
        }
        for name in files.names(in: folder)
        where name == "tokenizer.model"
            || (name.hasSuffix(".json") && !name.hasSuffix(".index.json"))
        {
            guard let data = files.contents(atPath: "\(folder)/\(name)") else { continue }
            try AtomicFile.write(to: "\(output)/\(name)") { file in
                try data.withUnsafeBytes { try file.write($0) }
            }
        }
        return Report(
            folder: output, tensors: sums.count, bytes: sums.reduce(0) { $0 + $1.byteCount })
    }

    /// Row by row in `float32`, rounded once to the difference's type; rows that the base lacks are
    /// the difference alone.
    private static func sum(_ base: Tensor, _ difference: Tensor) -> Tensor {
        var (parts, start) = ([Tensor](), 0)
        difference.forEachStretch { part in
            guard part.rank > 1 else {
                parts.append((base + part).cast(to: difference.dtype))
                return
            }
            let end = min(start + part.shape[0], base.shape[0])
            var sum = part
            if start < end {
                let shared =
                    base.sliced(0, start..<end).real + part.sliced(0, 0..<(end - start)).real
                sum = Tensor.concatenate(
                    [shared.cast(to: part.dtype), part.sliced(0, (end - start)..<part.shape[0])],
                    axis: 0)
            }
            parts.append(sum)
            start += part.shape[0]
        }
        return Tensor.concatenate(parts, axis: 0)
    }
}
