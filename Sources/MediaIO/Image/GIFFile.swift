/// The blocks of a GIF.
///
/// - Source: the GIF89a specification, sections 15 to 27
enum GIFFile {
    /// Whether the file ends before its first picture does. FFmpeg shows what there is of one.
    static func isCut(_ bytes: UnsafeRawBufferPointer) -> Bool {
        /// Of a table of colours, by the flags of the descriptor before it.
        func tableSize(_ flags: UInt8) -> Int {
            flags & 0x80 == 0 ? 0 : 3 << (Int(flags & 7) + 1)
        }
        /// Where blocks that begin there end; nil beyond the file.
        func endOfBlocks(_ start: Int) -> Int? {
            var position = start
            while position < bytes.count {
                let size = Int(bytes[position])
                position += size + 1
                if size == 0 { return position }
            }
            return nil
        }
        guard bytes.count > 13 else { return true }
        var position = 13 + tableSize(bytes[10])
        while position + 10 < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "!"):
                guard let end = endOfBlocks(position + 2) else { return true }
                position = end
            case UInt8(ascii: ","):
                return endOfBlocks(position + 11 + tableSize(bytes[position + 9])) == nil
            default: return false
            }
        }
        return position >= bytes.count || bytes[position] != UInt8(ascii: ";")
    }
}
