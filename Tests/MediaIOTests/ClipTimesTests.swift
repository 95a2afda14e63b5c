import MediaIO
import Testing

@Suite struct ClipTimesTests {
    @Test func cutsSoundsWherePytorchvideoDoes() {
        let ten = ClipTimes(duration: 10, clips: 3, seconds: 2).samples(rate: 16_000)
        #expect(ten == [0..<32_000, 42_666..<74_666, 85_333..<117_333])
        let odd = ClipTimes(duration: 13.335, clips: 3, seconds: 2).samples(rate: 16_000)
        #expect(odd == [0..<32_000, 60_453..<92_453, 120_906..<152_906])
        let short = ClipTimes(duration: 1.5, clips: 3, seconds: 2).samples(rate: 16_000)
        #expect(short == [0..<32_000, 0..<32_000, 0..<32_000])
    }

    @Test func cutsClipsWherePytorchvideoDoes() {
        let long = ClipTimes(duration: 499.0 / 25, clips: 5, seconds: 2).frames(
            rate: 25, count: 499)
        #expect(long == [0..<50, 90..<140, 180..<230, 270..<320, 360..<410])
        let kept = long.map { range in
            uniformIndices(2, of: range.count).map { range.lowerBound + $0 }
        }
        #expect(kept == [[0, 49], [90, 139], [180, 229], [270, 319], [360, 409]])
        let short = ClipTimes(duration: 3, clips: 5, seconds: 2).frames(rate: 8, count: 24)
        #expect(short == [0..<16, 2..<18, 4..<20, 5..<21, 7..<23])
    }

    @Test func placesTheLastClipAtTheEndWhereAsked() {
        let times = ClipTimes(duration: 10, clips: 5, seconds: 2, spacing: .toTheEnd)
        #expect(times.frames(rate: 10, count: 100).map(\.lowerBound) == [0, 20, 40, 60, 80])
        let one = ClipTimes(duration: 10, clips: 1, seconds: 2, spacing: .toTheEnd)
        #expect(one.frames(rate: 10, count: 100) == [0..<20])
    }

    @Test func keepsFirstAndLastFrame() {
        #expect(uniformIndices(2, of: 1) == [0, 0])
        #expect(uniformIndices(1, of: 9) == [0])
        #expect(uniformIndices(4, of: 10) == [0, 3, 6, 9])
        #expect(uniformIndices(5, of: 3) == [0, 0, 1, 1, 2])
    }
}
