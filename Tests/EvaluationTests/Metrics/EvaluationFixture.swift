import Foundation
import TestSupport

/// Made by Tests/Fixtures/evaluation_metrics.py.
struct EvaluationFixture: Decodable {
    struct Onsets: Decodable {
        let reference, estimated: [Double]
        let f: Double
    }

    struct Wilson: Decodable {
        let right, count: Int
        let interval: [Double]
    }

    let clouds: [[[Float]]]
    let frechet: Double
    let onsets: [Onsets]
    let wilson: [Wilson]

    static func load() throws -> EvaluationFixture {
        let file = URL(filePath: Fixture.path("evaluation_metrics.json"))
        return try JSONDecoder().decode(EvaluationFixture.self, from: Data(contentsOf: file))
    }
}
