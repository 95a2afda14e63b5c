import TensorCore

/// What the file of an embedding is called.
///
/// As published that is the medium's name with `.npy` behind it. A path is filed under its last
/// part. What cannot be a file's name, such as a URL or a sentence of three hundred letters, is made
/// one: kept in part, with a hash of the whole. Which file belongs to what, the index says.
enum EmbeddingNaming {
    /// The file of a name.
    static func file(of name: String) -> String {
        let last = baseName(name)
        let isPath = !name.contains("://") && !name.contains("\\") && !last.contains("?")
        let isOwn = last != EmbeddingIndex.fileName.dropLast(4) && last != ".."
        // While it is written, a file's name is some twenty letters longer.
        let isShort = last.utf8.count <= 220
        if isPath, isOwn, isShort, isFileName("\(last).npy") { return "\(last).npy" }
        return distinct(name, "")
    }

    /// A file for a name whose own is another's: of another folder, or of another caption.
    static func distinct(_ name: String, _ caption: String) -> String {
        let kept = baseName(name).unicodeScalars.map { scalar in
            let isPlain = scalar.isASCII && scalar.properties.isAlphabetic
            return isPlain || ("0"..."9").contains(scalar) || "._-".unicodeScalars.contains(scalar)
                ? Character(scalar) : "_"
        }
        let stem = String(kept.prefix(80)).drop { $0 == "." }
        var hash = SHA256()
        hash.update("\(name)\u{0}\(caption)")
        return "\(stem)\(stem.isEmpty ? "" : ".")\(hash.hexadecimal.prefix(16)).npy"
    }
}
