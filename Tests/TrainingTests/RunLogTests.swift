import Foundation
import ModelZoo
import Synchronization
import TensorCore
import TestSupport
import Testing
import Training

@Suite struct RunLogTests {
    private let run = """
        {"task": "stage_1", "groups": [{"phase": "all", "name": "inputProjection", "tensors": 2,
         "parameters": 72}], "data": [], "batchSize": 2, "microBatch": 1, "accumulation": 2,
         "ranks": 1, "steps": 10, "completed": 0, "config": {"seed": "13"},
         "notes": ["train_batch_size is 3: training with 2."]}
        """

    private func step(_ number: Int) -> String {
        """
        {"step": \(number), "steps": 10, "loss": 2.5, "terms": {"mle_loss": 2.25, "mse_loss": 0.25},
         "accuracy": 0.33337, "learningRate": 0.0005, "gradientNorms": {"all": 1.5},
         "datasets": ["cc3m_enc"], "samples": 2, "tokens": 40, "seconds": 0.5,
         "samplesPerSecond": 4, "tokensPerSecond": 80, "secondsLeft": 3725,
         "peakMemoryBytes": 1048576, "bad": 0,
         "dropped": 0}
        """
    }

    @Test func tokensASecondAreShownWhereThereAreTokens() throws {
        let report: StepReport = try decoded(step(1))
        #expect(report.progressText == "loss 2.5000, accuracy 33.34 %, 80 tokens/s")
        let none: StepReport = try decoded(
            step(1).replacingOccurrences(of: "\"tokens\": 40", with: "\"tokens\": 0"))
        #expect(none.progressText == "loss 2.5000, accuracy 33.34 %, 4.00 samples/s")
    }

    private func decoded<Value: Decodable>(_ json: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(json.utf8))
    }

    /// Writes a run of ten steps, and gives the names in the folder.
    private func write(to folder: String) throws -> [String] {
        let log = try RunLog(folder: folder, every: 5) { Issue.record("given up: \($0)") }
        log.note(.started(try decoded(run)))
        for number in 1...10 { log.note(.step(try decoded(step(number)))) }
        log.note(.preview(Preview("seen", .image(Tensor.zeros([2, 3, 3]))), step: 10))
        let sound = Tensor([0.5, -0.5] as [Float])
        log.note(.preview(Preview("heard", .sound(sound, sampleRate: 16_000)), step: 10))
        log.note(.preview(Preview("said", .text("a red drum")), step: 10))
        log.note(.stopped(.completed, step: 10))
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    /// The records of an event file, their checksums checked.
    private func records(_ file: String) throws -> [ProtobufMessage] {
        var rest = [UInt8](try Data(contentsOf: URL(filePath: file)))[...]
        func number<Number: FixedWidthInteger>(_: Number.Type) -> Number {
            defer { rest = rest.dropFirst(Number.bitWidth / 8) }
            return rest.prefix(Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number($1) }
        }
        var records: [ProtobufMessage] = []
        while !rest.isEmpty {
            let header = rest.prefix(8)
            let count = Int(number(UInt64.self))
            #expect(number(UInt32.self) == maskedChecksum(of: header))
            let data = rest.prefix(count)
            rest = rest.dropFirst(count)
            #expect(number(UInt32.self) == maskedChecksum(of: data))
            records.append(try ProtobufMessage(data, file: file))
        }
        return records
    }

    @Test func checksumsAreCastagnolis() {
        // RFC 3720's check value, masked as TensorFlow masks it.
        let crc: UInt32 = 0xe306_9283
        let masked = (crc >> 15 | crc << 17) &+ 0xa282_ead8
        #expect(maskedChecksum(of: "123456789".utf8) == masked)
    }

    @Test func writesScalarsUnderThePublishedNames() throws {
        try withTemporaryFolder { folder in
            let names = try write(to: folder)
            let file = try #require(names.first { $0.hasPrefix("events.out.tfevents.") })
            let records = try records("\(folder)/\(file)")
            #expect(records[0].bytes(3) == Array("brain.Event:2".utf8))
            let last = try #require(
                records.last { record in
                    record.int(2, default: 0) == 10
                        && record.bytes(5).map { $0.count > 100 } == true
                        && String(decoding: record.bytes(5) ?? [], as: UTF8.self).contains(
                            "mse_loss")
                })
            let summary = try ProtobufMessage((last.bytes(5) ?? [])[...], file: file)
            var scalars: [String: Float] = [:]
            for case .bytes(let bytes) in summary.fields.map(\.value) {
                let value = try ProtobufMessage(bytes[...], file: file)
                scalars[String(decoding: value.bytes(1) ?? [], as: UTF8.self)] = value.float(2)
            }
            #expect(
                scalars == [
                    "loss": 2.5, "mle_acc": 0.33337, "mse_loss": 0.25, "loss/mle_loss": 2.25,
                    "learning_rate": 0.0005, "gradient_norm": 1.5, "samples_per_second": 4,
                    "tokens_per_second": 80,
                    "memory_bytes": 1_048_576,
                ])
        }
    }

    @Test func writesPicturesSoundsAndText() throws {
        try withTemporaryFolder { folder in
            let names = try write(to: folder)
            let file = try #require(names.first { $0.hasPrefix("events.out.tfevents.") })
            let values = try records("\(folder)/\(file)").suffix(3).map { record in
                let summary = try ProtobufMessage((record.bytes(5) ?? [])[...], file: file)
                return try ProtobufMessage((summary.bytes(1) ?? [])[...], file: file)
            }
            let image = try ProtobufMessage((values[0].bytes(4) ?? [])[...], file: file)
            #expect((image.int(1, default: 0), image.int(2, default: 0)) == (2, 3))
            #expect(image.bytes(4)?.prefix(4) == [0x89, 0x50, 0x4e, 0x47])
            let sound = try ProtobufMessage((values[1].bytes(6) ?? [])[...], file: file)
            #expect(sound.float(1) == 16_000)
            #expect(sound.int(3, default: 0) == 2)
            #expect(sound.bytes(4)?.prefix(4) == Array("RIFF".utf8)[...])
            let text = try ProtobufMessage((values[2].bytes(8) ?? [])[...], file: file)
            #expect(text.bytes(8) == Array("a red drum".utf8))
        }
    }

    @Test func picturesAndSoundsOfPreviewsAreFilesToo() throws {
        try withTemporaryFolder { folder in
            let names = try write(to: folder)
            #expect(names.contains("previews"))
            let place = "\(folder)/previews"
            let tasks = try FileManager.default.contentsOfDirectory(atPath: place)
            let steps = try FileManager.default.contentsOfDirectory(atPath: "\(place)/\(tasks[0])")
            let files = try FileManager.default.contentsOfDirectory(
                atPath: "\(place)/\(tasks[0])/\(steps[0])")
            #expect(tasks == ["stage_1"] && steps == ["00000010"])
            #expect(files.sorted() == ["heard.wav", "seen.png"])
        }
    }

    @Test func theTextLogHasTheOriginalsLines() throws {
        try withTemporaryFolder { folder in
            let names = try write(to: folder)
            let name = try #require(names.first { $0.hasPrefix("train_") && $0.hasSuffix(".log") })
            let lines = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
                .split(separator: "\n").filter { $0.contains("progress") }
            let messages = lines.map { $0.split(separator: "INFO: ").last.map(String.init) }
            let rest = "remaining time: 1:02:05; loss: 2.5000; token_acc: 33.34"
            #expect(
                messages == [
                    "[!] progress: 0.50000; \(rest)", "[!] progress: 1.00000; \(rest)",
                ])
        }
    }

    @Test func theJSONLogHasALineAnEvent() throws {
        try withTemporaryFolder { folder in
            _ = try write(to: folder)
            let lines = try String(contentsOfFile: "\(folder)/log.jsonl", encoding: .utf8)
                .split(separator: "\n").map { line in
                    try #require(
                        JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
                }
            let events = lines.compactMap { $0["event"] as? String }
            #expect(
                events == ["started"] + Array(repeating: "step", count: 10) + [
                    "preview", "stopped",
                ])
            #expect(lines[3]["step"] as? Int == 3)
            #expect(lines[3]["loss"] as? Double == 2.5)
            #expect(lines[11]["text"] as? String == "a red drum")
        }
    }

    @Test func aLossThatIsNoNumberIsWritten() throws {
        try withTemporaryFolder { folder in
            let log = try RunLog(folder: folder, every: 1) { Issue.record("given up: \($0)") }
            let decoder = JSONDecoder()
            decoder.nonConformingFloatDecodingStrategy = .convertFromString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            let json = step(1).replacingOccurrences(of: "2.5,", with: "\"nan\",")
            log.note(.step(try decoder.decode(StepReport.self, from: Data(json.utf8))))
            let text = try String(contentsOfFile: "\(folder)/log.jsonl", encoding: .utf8)
            #expect(text.contains("\"loss\":\"nan\""))
        }
    }

    @Test func aFolderThatTakesNoFilesIsAnError() throws {
        #expect {
            _ = try RunLog(folder: "/proc/nowhere", every: 1) { _ in }
        } throws: { error in
            let text = "\(error)"
            return text.hasPrefix("/proc/nowhere/events.out.tfevents.")
                && text.hasSuffix(
                    ": cannot be written (No such file or directory). Name another --log_path, or "
                        + "make room there.")
        }
    }

    @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/full")))
    func aLogThatIsFullIsGivenUpOnce() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/log.jsonl", withDestinationPath: "/dev/full")
            let failures = Mutex<[String]>([])
            let log = try RunLog(folder: folder, every: 1) { error in
                failures.withLock { $0.append("\(error)") }
            }
            for number in 1...3 { log.note(.step(try decoded(step(number)))) }
            #expect(
                failures.withLock { $0 } == [
                    "\(folder)/log.jsonl: cannot be written (No space left on device). Name another "
                        + "--log_path, or make room there."
                ])
        }
    }
}
