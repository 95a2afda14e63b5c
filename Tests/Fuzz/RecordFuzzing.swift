import DataPipeline

/// What records may be meant as, and every conversion between them.
private let meanings: [(DatasetFormat, DatasetType)] = [
    (.pair, .imageToText), (.pair, .textToVideo), (.t2x, .textToAudio), (.tx2t, .imageToText),
    (.mosit, .anyToAny),
]

/// Reads every record of a dataset's file, and makes a sample of it in every way. The file, each
/// record and each sample are read, or refused by one of our errors, whose text is one line.
func readRecords(_ bytes: UnsafeRawBufferPointer, as format: RecordFile.Format) {
    let file = MemoryFile(bytes)
    defer { file.remove() }
    refusing {
        // Small limits: what lies past them is reached by small files too.
        let limits = RecordLimits(recordBytes: 4_096, textLength: 256, depth: 8)
        let records = try RecordSet(contentsOf: file.path, format: format, limits: limits)
        for index in 0..<records.count {
            refusing { _ = try records.record(index) }
        }
        for (layout, type) in meanings {
            let dataset = DialogueDataset(
                DatasetEntry(
                    name: "fuzz", format: layout, type: type, dataPath: file.path,
                    mediaRoot: "/proc/self/fdinfo"),
                records: records)
            for index in 0..<dataset.count {
                refusing { _ = try dataset.sample(index) }
            }
        }
    }
}

private func refusing(_ body: () throws -> Void) {
    do {
        try body()
    } catch let error as DatasetError {
        precondition(!error.description.contains("\n"), "two lines: \(error)")
    } catch {
        preconditionFailure("an error of another type: \(error)")
    }
}
