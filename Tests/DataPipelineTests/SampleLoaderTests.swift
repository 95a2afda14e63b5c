import DataPipeline
import Dialogue
import Foundation
import MediaIO
import ModelZoo
import Synchronization
import TensorCore
import TestSupport
import Testing

@Suite struct SampleLoaderTests {
    /// A folder with datasets of those sizes; sample 5 of the first is broken.
    private struct Data {
        let folder = FileManager.default.temporaryDirectory.appending(
            component: "southgpt-\(UUID().uuidString)"
        ).path
        let datasets: [DialogueDataset]

        init(_ sizes: [Int]) throws {
            let folder = self.folder
            datasets = try sizes.enumerated().map { number, size in
                let records = (0..<size).map { index in
                    number == 0 && index == 5
                        ? "{\"audio_name\": 5.5}"
                        : "{\"audio_name\": \"\(index).wav\", \"caption\": \"sound \(index)\"}"
                }
                let path = try write(
                    "[" + records.joined(separator: ",\n") + "]", "\(number).json", in: folder)
                return try DialogueDataset(
                    DatasetEntry(
                        name: "set\(number)", format: .pair, type: .textToAudio, dataPath: path))
            }
        }

        func remove() { try? FileManager.default.removeItem(atPath: folder) }

        func loader(
            workers: Int = 3, prefetch: Int = 3, ranks: Int = 1, rank: Int = 0, maxBad: Int = 1,
            prepare: @escaping @Sendable (DialogueSample) throws -> String? = {
                $0.messages[0].text
            }
        ) throws -> SampleLoader<String> {
            SampleLoader(
                datasets,
                sampler: try BlendedSampler(
                    sizes: datasets.map(\.count), globalBatch: 4, ranks: ranks, rank: rank, seed: 3),
                workers: workers, prefetch: prefetch,
                quarantine: try Quarantine(path: "\(folder)/bad.jsonl", maxBad: maxBad),
                prepare: prepare)
        }
    }

    private func items(_ loader: SampleLoader<String>, _ range: Range<Int>) async throws
        -> [[String]]
    {
        var items: [[String]] = []
        try await loader.forEachBatch(from: range.lowerBound, upTo: range.upperBound) { batch in
            #expect(batch.position == range.lowerBound + items.count)
            items.append(batch.items)
        }
        return items
    }

    @Test func givesTheSameBatchesHoweverTheyAreLoaded() async throws {
        let data = try Data([20, 9])
        defer { data.remove() }
        let all = try await items(data.loader(workers: 1, prefetch: 1), 0..<40)
        #expect(all.count == 40)
        #expect(all.allSatisfy { $0.count == 4 })
        // Sample 6 stands in for the broken 5.
        let first = stride(from: 0, to: 10, by: 2).flatMap { all[$0] }
        #expect(first.count { $0 == "sound 6" } == 2)
        let random = try data.loader { sample in
            usleep(UInt32(sample.place.record * 977 % 5) * 300)
            return sample.messages[0].text
        }
        #expect(try await items(random, 0..<40) == all)
        #expect(try await items(data.loader(workers: 8, prefetch: 2), 17..<40) == Array(all[17...]))
        var shares: [[[String]]] = []
        for rank in 0..<3 {
            shares.append(try await items(data.loader(ranks: 3, rank: rank), 0..<40))
        }
        for (index, batch) in all.enumerated() {
            #expect(shares.flatMap { $0[index] } == batch)
        }
    }

    @Test func namesTheBadOnceAndGoesOnCounting() async throws {
        let data = try Data([8, 4])
        defer { data.remove() }
        _ = try await items(data.loader(), 0..<24)
        _ = try await items(data.loader(), 0..<24)
        let lines = try String(contentsOfFile: "\(data.folder)/bad.jsonl", encoding: .utf8)
            .split(separator: "\n")
        #expect(lines.count == 1)
        #expect(lines[0].contains("\"dataset\":\"set0\""))
        #expect(lines[0].contains("0.json:6: record 5: found the number 5.5 under 'audio_name'"))
        #expect(try Quarantine(path: "\(data.folder)/bad.jsonl", maxBad: 0).count == 1)
    }

    @Test func failsPastTheLimit() async throws {
        let data = try Data([8, 4])
        defer { data.remove() }
        let error = await #expect(throws: DatasetError.self) {
            _ = try await items(data.loader(maxBad: 0), 0..<24)
        }
        #expect(
            error?.description.contains("1 samples cannot be used, at most 0 are allowed") == true)
        #expect(error?.description.contains("bad.jsonl names each") == true)
    }

    @Test(
        arguments: [
            DatasetError.noScratch(folder: "/tmp", reason: "no space left on device"),
            DatasetError.unreadable(file: "a.tar", reason: "input/output error"),
            MediaError.unreadable(file: "a.wav", reason: "too many open files"),
            CheckpointError.unreadable(file: "a.npy", reason: "Too many open files in system"),
        ] as [any Error])
    func theMachinesTroubleNamesNoSample(_ trouble: any Error) async throws {
        let data = try Data([8, 4])
        defer { data.remove() }
        let loader = try data.loader(maxBad: 100) { sample in
            if sample.place.record == 2 { throw trouble }
            return sample.messages[0].text
        }
        do {
            _ = try await items(loader, 0..<24)
            Issue.record("went on")
        } catch {
            #expect("\(error)" == "\(trouble)")
        }
        let list = try? String(contentsOfFile: "\(data.folder)/bad.jsonl", encoding: .utf8)
        #expect(list?.contains("\"record\":2") != true)
    }

    @Test func saysWhereNothingCanBeUsed() async throws {
        let data = try Data([8, 4])
        defer { data.remove() }
        let loader = try data.loader(maxBad: 100) { sample in
            if sample.place.record == 3 { throw MediaError.missing(file: "3.wav") }
            return nil
        }
        do {
            _ = try await items(loader, 0..<1)
            Issue.record("went on")
        } catch {
            #expect(
                "\(error)".replacing(data.folder, with: "F")
                    == "'set0': found no usable record among 8 in a row (2 bad, 6 too long to learn "
                    + "from), expected one. F/bad.jsonl names the bad ones; what is too long needs "
                    + "a larger max_length.")
        }
    }

    @Test func whatWasMendedCountsNoMore() async throws {
        let data = try Data([8, 4])
        defer { data.remove() }
        let list = "\(data.folder)/bad.jsonl"
        _ = try await items(
            data.loader(maxBad: 2) { sample in
                if sample.place.record == 2 { throw MediaError.missing(file: "2.wav") }
                return sample.messages[0].text
            }, 0..<1)
        _ = try await items(data.loader(maxBad: 9), 0..<24)
        // Of record 2 of both datasets and the broken 5, the latter is left.
        let lines = try String(contentsOfFile: list, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 1 && lines[0].contains("\"record\":5"))
        // The limit is held against what is left.
        let error = await #expect(throws: DatasetError.self) {
            _ = try await items(data.loader(maxBad: 0), 0..<1)
        }
        #expect(error == .tooManyBad(count: 1, limit: 0, list: list))
    }

    @Test func aHalfWrittenLineSpoilsNoOther() async throws {
        let data = try Data([8, 4])
        defer { data.remove() }
        let list = "\(data.folder)/bad.jsonl"
        try write("{\"dataset\":\"set0\",\"pla", "bad.jsonl", in: data.folder)
        _ = try await items(data.loader(), 0..<24)
        let text = try String(contentsOfFile: list, encoding: .utf8)
        #expect(text.hasPrefix("{\"dataset\":\"set0\",\"pla\n{\"dataset\":\"set0\",\"place\""))
        #expect(try Quarantine(path: list, maxBad: 9).count == 1)
    }

    @Test func leavesOutWhatIsTooLongAndCountsIt() async throws {
        let data = try Data([8, 4])
        defer { data.remove() }
        let loader = try data.loader { $0.place.record % 2 == 1 ? $0.messages[0].text : nil }
        var dropped = 0
        try await loader.forEachBatch(from: 0, upTo: 8) { batch in
            dropped += batch.dropped
            #expect(batch.items.allSatisfy { $0.last.map { "13579".contains($0) } == true })
        }
        #expect(dropped > 8)
    }

    @Test func aSlowFileHoldsUpOnlyItsOwnBatch() async throws {
        let data = try Data([40, 40])
        defer { data.remove() }
        let started = Mutex(Set<Int>())
        let gate = DispatchSemaphore(value: 0)
        let slow = try data.loader().firstRecord(of: data.datasets)
        let loader = try data.loader(workers: 2, prefetch: 4, maxBad: 9) { sample in
            let isSlow = sample.place.record == slow && sample.place.file.hasSuffix("0.json")
            let seen = started.withLock {
                $0.insert(sample.place.hashValue); return $0.count
            }
            // The slow one ends once eleven others were begun: with a single lane it never would.
            if isSlow { gate.wait() } else if seen == 12 { gate.signal() }
            return sample.messages[0].text
        }
        #expect(try await items(loader, 0..<6).count == 6)
    }

    @Test func stopsWhenItIsCancelled() async throws {
        let data = try Data([40, 40])
        defer { data.remove() }
        let loaded = Mutex(0)
        let loader = try data.loader(maxBad: 9) { sample in
            loaded.withLock { $0 += 1 }
            return sample.messages[0].text
        }
        let task = Task {
            try await loader.forEachBatch(from: 0, upTo: 10_000) { batch in
                if batch.position == 3 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        // No further than the window beyond the batch that was in use.
        #expect(loaded.withLock { $0 } <= (5 + 3) * 4 + 3)
    }

    @Test func anErrorInTheBodyEndsTheWork() async throws {
        struct Stop: Error {}
        let data = try Data([40, 40])
        defer { data.remove() }
        let loader = try data.loader(maxBad: 9)
        await #expect(throws: Stop.self) {
            try await loader.forEachBatch(from: 0, upTo: 1_000) { batch in
                if batch.position == 5 { throw Stop() }
            }
        }
    }
}

extension SampleLoader {
    /// The record of the first sample of the first batch.
    fileprivate func firstRecord(of datasets: [DialogueDataset]) throws -> Int {
        try BlendedSampler(sizes: datasets.map(\.count), globalBatch: 4, seed: 3)
            .batch(0).samples[0]
    }
}
