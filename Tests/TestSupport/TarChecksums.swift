/// The bytes of an archive whose headers have right checksums again, whatever was done to them: what
/// is behind that check is read too.
package func withTarChecksums(_ source: some Sequence<UInt8>) -> [UInt8] {
    var bytes = Array(source)
    for start in stride(from: 0, to: bytes.count - 511, by: 512) {
        for place in start + 148..<start + 156 { bytes[place] = 0x20 }
        let sum = bytes[start..<start + 512].reduce(0) { $0 + Int($1) }
        // A block of zeros ends an archive.
        guard sum > 8 * 0x20 else {
            for place in start + 148..<start + 156 { bytes[place] = 0 }
            continue
        }
        let digits = String(sum, radix: 8)
        let field = String(repeating: "0", count: max(0, 6 - digits.count)) + digits + "\0 "
        bytes.replaceSubrange(start + 148..<start + 156, with: field.utf8)
    }
    return bytes
}
