import ArgumentParser
import Foundation
import SouthBenchmarks

struct Towers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "imagebind",
        abstract: "Time ImageBind's towers at their published sizes, and what memory they take.",
        discussion: """
            A file with random weights is written for each type and removed again. Embedding is \
            timed in pairs, ours and the peers', and memory measured in a fresh process of each. \
            The original takes part where imagebind-packaged 0.1.2 is installed:
              southgpt-bench imagebind --peer "python3 Scripts/time-models.py imagebind"
            """)

    @OptionGroup var timing: PairedTiming
    @OptionGroup var place: ModelPlace

    struct Result: Encodable {
        let timing: ModelTiming
        let weightBytes: Int
        let peakMemory: PeakMemory
    }

    func run() throws {
        if let told = place.peakMemory {
            let tower = try JSONDecoder().decode(ImageBindCase.self, from: Data(told.utf8))
            print(try tower.peakMemoryAfterTwoRuns())
            return
        }
        let cases = try timing.chosen(of: ImageBindCase.all) { $0.name }
        let peers = try timing.scripts()
        let results = try place.whileThere { folder in
            try cases.map { tower in
                timing.progress(tower.name)
                var written = try tower.written(in: folder)
                written.time = place.time
                let memory = try PeakMemory(of: written, "imagebind", timing)
                let result = Result(
                    timing: try written.measure(
                        pairs: timing.pairs, seconds: timing.seconds, peers: peers),
                    weightBytes: try written.weightBytes(), peakMemory: memory)
                timing.show("\(tower.name): \(result.timing.line)")
                timing.show(
                    "\(tower.name): \(memory.line); weights "
                        + PeakMemory.gigabytes(result.weightBytes))
                return result
            }
        }
        try timing.show(report: results)
    }
}
