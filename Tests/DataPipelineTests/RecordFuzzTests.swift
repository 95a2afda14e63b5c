import DataPipeline
import Foundation
import Testing

/// Mutated files for as long as `Scripts/fuzz` says. A file that ends the process is left where it
/// was: `.build/fuzz`.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["SOUTHGPT_FUZZ_SECONDS"] != nil,
        "Scripts/fuzz sets SOUTHGPT_FUZZ_SECONDS"))
struct RecordFuzzTests {
    @Test func everyMutatedFileIsReadOrRefused() throws {
        let environment = ProcessInfo.processInfo.environment
        let seconds = Double(environment["SOUTHGPT_FUZZ_SECONDS"] ?? "") ?? 60
        let target = environment["SOUTHGPT_FUZZ_TARGET"] ?? "all"
        let sources = mutationSources.filter { target == "all" || $0.name == "a.\(target)" }
        #expect(!sources.isEmpty, "the targets are \(mutationSources.map { $0.name.dropFirst(2) })")
        var random = Mutations(seed: UInt64.random(in: 0 ... .max))
        let clock = ContinuousClock()
        for (name, bytes) in sources {
            let end = clock.now + .seconds(seconds / Double(sources.count))
            var (accepted, files, readable) = ([bytes], 0, 0)
            while clock.now < end {
                // What was still readable is broken further, which leads deeper than one mutation.
                let source = accepted[random.number(below: accepted.count)]
                var mutated = random.mutated(source)
                if name == "a.tar", files.isMultiple(of: 2) { mutated = withTarChecksums(mutated) }
                let path = try write(mutated, "fuzz-\(getpid())-\(name)", in: ".build/fuzz")
                files += 1
                do {
                    let file = try RecordFile(contentsOf: path)
                    for index in 0..<file.count {
                        do { _ = try file.record(index) } catch is DatasetError {}
                    }
                    readable += 1
                    if mutated.count < 1 << 14 {
                        if accepted.count < 512 {
                            accepted.append(mutated)
                        } else {
                            accepted[random.number(below: 512)] = mutated
                        }
                    }
                } catch is DatasetError {}
            }
            print("\(name): \(files) files, \(readable) readable")
        }
    }
}
