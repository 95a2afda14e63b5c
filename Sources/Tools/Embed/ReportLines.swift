import DataPipeline

/// What the tool says of a plan and of a report.
enum ReportLines {
    static func plan(_ plan: EmbeddingPlan, folder: String) -> String {
        var parts = ["\(plan.captions) captions", "\(plan.present) in \(folder)"]
        if plan.unlisted > 0 { parts.append("\(plan.unlisted) of another program's, kept") }
        if plan.damaged > 0 { parts.append("\(plan.damaged) of another program's, damaged") }
        if plan.stale > 0 { parts.append("\(plan.stale) changed since") }
        if plan.ofOtherModels > 0 { parts.append("\(plan.ofOtherModels) by another model") }
        if plan.failed > 0 { parts.append("\(plan.failed) records unusable") }
        return parts.joined(separator: ", ") + "; \(plan.missing) to make"
    }

    static func estimate(_ count: Int, seconds: Double, bytes: Int) -> String {
        "\(count) captions: about \(duration(seconds)) and \(size(bytes))"
    }

    static func result(
        _ report: EmbeddingRun.Report, _ plan: EmbeddingPlan, folder: String
    ) -> String {
        var lines = [
            "\(folder): \(report.made) embeddings made in \(duration(report.seconds)), "
                + "\(report.present) were there"
        ]
        func add(_ count: Int, _ text: String) {
            if count > 0 { lines.append("  \(count) \(text)") }
        }
        add(report.replaced, "of them in place of others, of changed captions or another model")
        add(report.unlisted, "files of another program kept; --replace makes them again")
        add(report.damaged, "of them in place of damaged files of another program")
        add(report.cut, "captions were longer than the encoder reads, and cut at their ends")
        add(report.repeated, "records came again with the same name and caption")
        add(report.renamed, "filed under other names than the media's; index.tsv says which")
        add(report.failed, "records have none; \(report.failures ?? "") names each and says why")
        for bad in plan.failures.prefix(3) { lines.append("  ! \(bad.reason)") }
        return lines.joined(separator: "\n")
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 1 << 20 ? "\((bytes + 1023) >> 10) KiB" : "\(bytes >> 20) MiB"
    }

    private static func duration(_ seconds: Double) -> String {
        let whole = Int(min(1e9, max(0, seconds.rounded())))
        if whole < 90 { return "\(whole) s" }
        if whole < 5400 { return "\((whole + 30) / 60) min" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}
