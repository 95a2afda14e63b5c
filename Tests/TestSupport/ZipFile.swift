// Zip files made by hand, and mended after something was done to them.

/// A zip file of stored entries.
///
/// - Parameter inflating: says that the first is packed, and has so many bytes
/// - Parameter copies: how often the directory names the first entry again, as `name0`, …
public func zip(
    _ entries: [(name: String, bytes: [UInt8])], inflating: Int? = nil, copies: Int = 0
) -> [UInt8] {
    var (file, directory) = ([UInt8](), [UInt8]())
    for (index, (name, content)) in entries.enumerated() {
        let start = file.count
        let size = index == 0 ? inflating : nil
        func fields(_ name: String) -> [UInt8] {
            little(UInt16(20)) + little(UInt16(0)) + little(UInt16(size == nil ? 0 : 8))
                + little(UInt32(0)) + little(checksum(content[...]))
                + little(UInt32(content.count)) + little(UInt32(size ?? content.count))
                + little(UInt16(name.utf8.count)) + little(UInt16(0))
        }
        file += Array("PK\u{3}\u{4}".utf8) + fields(name) + Array(name.utf8) + content
        for name in [name] + (0..<(index == 0 ? copies : 0)).map({ "\(name)\($0)" }) {
            directory += Array("PK\u{1}\u{2}".utf8) + little(UInt16(20)) + fields(name)
            directory += [UInt8](repeating: 0, count: 10) + little(UInt32(start))
            directory += Array(name.utf8)
        }
    }
    let start = file.count
    let count = little(UInt16(entries.count + copies))
    return file + directory + Array("PK\u{5}\u{6}".utf8) + [0, 0, 0, 0] + count + count
        + little(UInt32(directory.count)) + little(UInt32(start)) + [0, 0]
}

/// The bytes of a zip file in which every stored entry has the right checksum again, whatever was
/// done to it: what is behind that check is read too.
public func withRightChecksums(_ source: [UInt8]) -> [UInt8] {
    var bytes = source
    func number(_ place: Int, _ count: Int) -> Int {
        guard place >= 0, place + count <= source.count else { return 1 << 40 }
        return source[place..<(place + count)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    for entry in 0..<max(0, source.count - 45)
    where source[entry..<(entry + 4)].elementsEqual("PK\u{1}\u{2}".utf8) {
        let (size, header) = (number(entry + 20, 4), number(entry + 42, 4))
        let names = number(header + 26, 2) + number(header + 28, 2)
        let start = header + 30 + names
        let isStored = number(entry + 10, 2) == 0
        guard isStored, start <= source.count, size <= source.count - start else { continue }
        let right = little(checksum(source[start..<(start + size)]))
        bytes.replaceSubrange((entry + 16)..<(entry + 20), with: right)
    }
    return bytes
}

private func little<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// CRC-32 as zip has it.
private func checksum(_ content: ArraySlice<UInt8>) -> UInt32 {
    ~content.reduce(UInt32.max) { crc, byte in table[Int((crc ^ UInt32(byte)) & 255)] ^ crc >> 8 }
}

private let table = (0..<256).map { (byte: UInt32) in
    (0..<8).reduce(byte) { crc, _ in crc >> 1 ^ (crc & 1 == 0 ? 0 : 0xEDB8_8320) }
}
