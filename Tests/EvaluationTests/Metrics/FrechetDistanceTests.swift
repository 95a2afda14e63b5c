import Evaluation
import TensorCore
import Testing

@Suite struct FrechetDistanceTests {
    private func matrix(_ rows: [[Float]]) -> Tensor {
        Tensor(rows.flatMap { $0 }, [rows.count, rows[0].count])
    }

    @Test func isThatOfScipysSquareRoot() throws {
        let fixture = try EvaluationFixture.load()
        let found = try frechetDistance(matrix(fixture.clouds[0]), matrix(fixture.clouds[1]))
        #expect(abs(found - fixture.frechet) < 1e-5 * fixture.frechet)
    }

    @Test func ofACloudAndItselfMovedIsTheSquareOfTheWay() throws {
        let cloud: [[Float]] = [
            [0, 0, 0], [1, 0, 1], [2, 0, 4], [0, 1, 4], [1, 1, 1], [2, 1, 0], [0, 2, 1],
        ]
        let moved: [[Float]] = cloud.map { point in [point[0] + 3, point[1] - 4, point[2]] }
        #expect(try frechetDistance(matrix(cloud), matrix(cloud)) < 1e-6)
        #expect(abs(try frechetDistance(matrix(cloud), matrix(moved)) - 25) < 1e-6)
    }

    @Test func numbersThatAreNoneAreAnError() {
        let bad = matrix([[1, .nan], [2, 3], [4, 5]])
        #expect(throws: LinearAlgebraError.self) { try frechetDistance(bad, bad) }
    }
}
