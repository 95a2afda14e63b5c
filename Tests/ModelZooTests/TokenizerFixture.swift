import Foundation
import ModelZoo
import TestSupport
import Testing

/// What the originals make of hard strings: `Tests/Fixtures/tokenizing.json`.
struct TokenizerFixture: Decodable {
    struct Case<Input: Decodable & Sendable, Output: Decodable & Sendable>: Decodable, Sendable {
        let input: Input
        let output: Output

        init(from decoder: any Decoder) throws {
            var pair = try decoder.unkeyedContainer()
            input = try pair.decode(Input.self)
            output = try pair.decode(Output.self)
        }
    }

    struct Expected: Decodable {
        let encode: [Case<String, [Int]>]
        let decode: [Case<[Int], String>]
        let decodeSkipping: [Case<[Int], String>]?
        let padded: [Case<String, [Int]>]?
        let mask: [Case<String, [Int]>]?
    }

    let source: String
    let pieces: Expected
    let other: Expected
    let llama: Expected
    let clip: Expected
    let clipPaddedByExclamationMark: Expected
    let roberta: Expected

    static func load() throws -> TokenizerFixture {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let data = try Data(contentsOf: URL(filePath: Fixture.path("tokenizing.json")))
        return try decoder.decode(TokenizerFixture.self, from: data)
    }

    static func folder(_ name: String) -> String { Fixture.path("tokenizing/\(name)") }
}

extension [TokenizerFixture.Case<String, [Int]>] {
    /// Expects the same ids for every string.
    func expect(of tokenize: (String) -> [Int]) {
        #expect(!isEmpty)
        for item in self {
            let ids = tokenize(item.input)
            #expect(ids == item.output, "\(item.input.debugDescription)")
        }
    }
}

extension [TokenizerFixture.Case<[Int], String>] {
    /// Expects the same text, scalar by scalar, for every list of ids.
    func expect(of decode: ([Int]) -> String) {
        #expect(!isEmpty)
        for item in self {
            let text = decode(item.input)
            #expect(
                text.unicodeScalars.elementsEqual(item.output.unicodeScalars),
                "\(item.input): \(text.debugDescription), \(item.output.debugDescription)")
        }
    }
}
