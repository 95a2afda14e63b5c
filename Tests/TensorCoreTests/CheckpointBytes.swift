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

/// A zip file of stored entries.
///
/// - Parameter inflating: says that the first is packed, and has so many bytes
/// - Parameter copies: how often the directory names the first entry again, as `name0`, …
func zip(
    _ entries: [(name: String, bytes: [UInt8])], inflating: Int? = nil, copies: Int = 0
) -> [UInt8] {
    var (file, directory) = ([UInt8](), [UInt8]())
    for (index, (name, content)) in entries.enumerated() {
        let start = file.count
        let size = index == 0 ? inflating : nil
        func fields(_ name: String) -> [UInt8] {
            bytes(UInt16(20)) + bytes(UInt16(0)) + bytes(UInt16(size == nil ? 0 : 8))
                + bytes(UInt32(0)) + bytes(checksum(content)) + bytes(UInt32(content.count))
                + bytes(UInt32(size ?? content.count)) + bytes(UInt16(name.utf8.count))
                + bytes(UInt16(0))
        }
        file += Array("PK\u{3}\u{4}".utf8) + fields(name) + Array(name.utf8) + content
        for name in [name] + (0..<(index == 0 ? copies : 0)).map({ "\(name)\($0)" }) {
            directory += Array("PK\u{1}\u{2}".utf8) + bytes(UInt16(20)) + fields(name)
            directory += [UInt8](repeating: 0, count: 10) + bytes(UInt32(start))
            directory += Array(name.utf8)
        }
    }
    let start = file.count
    let count = bytes(UInt16(entries.count + copies))
    return file + directory + Array("PK\u{5}\u{6}".utf8) + [0, 0, 0, 0] + count + count
        + bytes(UInt32(directory.count)) + bytes(UInt32(start)) + [0, 0]
}

private func checksum(_ content: [UInt8]) -> UInt32 {
    ~content.reduce(UInt32.max) { crc, byte in
        (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in
            crc >> 1 ^ (crc & 1 == 0 ? 0 : 0xEDB8_8320)
        }
    }
}
