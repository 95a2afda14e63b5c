import Foundation
import TensorCore
import TestSupport
import Testing

// Files of a few bytes, made by hand.

/// Writes bytes into a file of a throw-away folder and opens it as a checkpoint.
@discardableResult
func opened(_ bytes: [UInt8], as name: String = "weights") throws -> [String: Tensor] {
    try withTemporaryFolder { folder in
        let path = "\(folder)/\(name)"
        try Data(bytes).write(to: URL(filePath: path))
        do {
            let checkpoint = try Checkpoint(contentsOf: path)
            var tensors: [String: Tensor] = [:]
            for tensor in checkpoint.tensors { tensors[tensor.name] = try tensor.tensor() }
            return tensors
        } catch let error as CheckpointError {
            // Without the folder's random name.
            throw error.of(file: name)
        }
    }
}

extension CheckpointError {
    /// The same error about a file of another name.
    func of(file: String) -> CheckpointError {
        switch self {
        case .unreadable(_, let reason): .unreadable(file: file, reason: reason)
        case .malformed(_, let rule): .malformed(file: file, rule: rule)
        case .unsupported(_, let what, let mend):
            .unsupported(file: file, what: what, mend: mend)
        case .forbiddenPickle(_, let name): .forbiddenPickle(file: file, name: name)
        case .unwritable(_, let reason): .unwritable(file: file, reason: reason)
        default: self
        }
    }
}

/// The little-endian bytes of a number.
func bytes<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// A safetensors file with this header and so many bytes of data.
func safetensors(_ header: String, data count: Int) -> [UInt8] {
    bytes(UInt64(header.utf8.count)) + Array(header.utf8)
        + (0..<count).map { UInt8(truncatingIfNeeded: $0) }
}
