/// A pair dataset's caption as training reads it.
///
/// Lower case; each of `" ( ) * # : ; ~` becomes a space; two or more whitespace characters in a
/// row become one space; line breaks at the end, then spaces at both ends, are removed. The
/// captions that embeddings are computed from are *not* cleaned, nor is instruction data.
///
/// - Source: NExT-GPT's pair datasets, `process_caption`
public func cleanedCaption(_ caption: String) -> String {
    let marks: Set<Character> = ["\"", "(", ")", "*", "#", ":", ";", "~"]
    var result = ""
    var blank = ""
    for character in caption.lowercased() {
        let character = marks.contains(character) ? " " : character
        if character.isWhitespace {
            blank.append(character)
            continue
        }
        // A single tab or line break between words stays what it is.
        result += blank.unicodeScalars.count > 1 ? " " : blank
        blank = ""
        result.append(character)
    }
    result += blank.unicodeScalars.count > 1 ? " " : blank
    var cleaned = Substring(result)
    while cleaned.last?.isNewline == true { cleaned.removeLast() }
    while cleaned.last == " " { cleaned.removeLast() }
    while cleaned.first == " " { cleaned.removeFirst() }
    return String(cleaned)
}
