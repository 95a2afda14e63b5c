/// The fields of one record of a table, RFC 4180 with `separator`.
///
/// A field that begins with a quotation mark ends at the next one that is not doubled. Tables by
/// tabs are often written without any rule for quotes: there (`lenient`) a mark that opens a field
/// and does not close it is a mark.
///
/// - Throws: `TableFault` for text after a closing mark, or bytes that are not UTF-8
func tableFields(_ bytes: [UInt8], separator: UInt8, lenient: Bool) throws -> [String] {
    let mark = UInt8(ascii: "\"")
    var bytes = bytes[...]
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    var fields: [String] = []
    var position = bytes.startIndex
    while true {
        if position < bytes.endIndex, bytes[position] == mark,
            let (field, end) = quotedField(bytes, from: position, separator: separator)
        {
            fields.append(try text(field))
            position = end
        } else {
            if position < bytes.endIndex, bytes[position] == mark, !lenient {
                throw TableFault(found: "text after a closing quotation mark")
            }
            let end = bytes[position...].firstIndex(of: separator) ?? bytes.endIndex
            fields.append(try text(Array(bytes[position..<end])))
            position = end
        }
        guard position < bytes.endIndex else { return fields }
        position += 1
    }
}

/// What is wrong with a row.
struct TableFault: Error, Equatable {
    let found: String
}

private func text(_ bytes: [UInt8]) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
        throw TableFault(found: "bytes that are not UTF-8")
    }
    return text
}

/// The field that a mark opens at `start` and where it ends; nil where it ends within the text.
private func quotedField(
    _ bytes: ArraySlice<UInt8>, from start: Int, separator: UInt8
) -> (field: [UInt8], end: Int)? {
    let mark = UInt8(ascii: "\"")
    var field: [UInt8] = []
    var position = start + 1
    while position < bytes.endIndex {
        if bytes[position] != mark {
            field.append(bytes[position])
            position += 1
        } else if position + 1 < bytes.endIndex, bytes[position + 1] == mark {
            field.append(mark)
            position += 2
        } else {
            let end = position + 1
            return end == bytes.endIndex || bytes[end] == separator ? (field, end) : nil
        }
    }
    return nil
}
