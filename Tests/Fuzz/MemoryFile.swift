import Glibc

/// Bytes that a reader opens by a path, in memory: a fuzzer makes thousands of files a second.
struct MemoryFile {
    let path: String

    init(_ bytes: UnsafeRawBufferPointer) {
        var template = Array("/dev/shm/southgpt-fuzz-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        precondition(descriptor >= 0, "/dev/shm: \(String(cString: strerror(errno)))")
        defer { close(descriptor) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let written = bytes.isEmpty ? 0 : write(descriptor, bytes.baseAddress, bytes.count)
        precondition(written == bytes.count, "\(written) of \(bytes.count) bytes were written")
    }

    func remove() { unlink(path) }
}
