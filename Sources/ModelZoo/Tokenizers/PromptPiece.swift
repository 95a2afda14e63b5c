/// A piece of a prompt whose tokens stand apart from its text.
package enum PromptPiece: Equatable, Sendable {
    /// Text, and never anything else: `[IMG0]` or `</s>` in it are letters and brackets.
    case text(String)
    /// A token by its id.
    case token(Int)
}

extension LLaMATokenizer {
    /// The ids of a prompt in pieces, without `<s>` in front.
    ///
    /// The same ids as `encode` gives for the pieces written after one another, save that nothing
    /// in a text becomes an added or special token: white space beside a token goes with it, and
    /// every text between two tokens is encoded on its own.
    package func encode(_ pieces: [PromptPiece]) -> [Int] {
        var ids: [Int] = []
        var run = ""
        var followsToken = false

        func endRun(beforeToken: Bool) {
            var text = run[...].unicodeScalars
            if followsToken { text = text.drop(while: \.isPythonSpace) }
            if beforeToken {
                while let last = text.last, last.isPythonSpace { text.removeLast() }
            }
            if !text.isEmpty { ids += model.encode(String(text)) }
            run = ""
        }
        for piece in pieces {
            switch piece {
            case .text(let text): run += text
            case .token(let id):
                endRun(beforeToken: true)
                ids.append(id)
                followsToken = true
            }
        }
        endRun(beforeToken: false)
        return ids
    }
}
