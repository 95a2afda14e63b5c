import Glibc

/// The original's text log: `train_{asctime}.log`, a line every few steps.
///
/// - Source: NExT-GPT's training agent: time, place, level, then progress (5 decimals), time left,
///   loss (4 decimals) and token accuracy in percent (2 decimals)
struct TextLog: LogFile {
    private let file: AppendedFile
    private let every: Int

    init(folder: String, every: Int) throws {
        file = try AppendedFile("\(folder)/train_\(CalendarTime.now.asctime).log")
        self.every = max(1, every)
    }

    func note(_ event: TrainingEvent) throws {
        switch event {
        case .started(let run):
            let trained = run.groups.reduce(0) { $0 + $1.parameters }
            try append("[!] \(run.task): \(run.steps) steps, \(run.completed) of them done before")
            for group in run.groups {
                try append("[!] \(group.name): \(group.parameters) parameters are trained")
            }
            try append("[!] trained in all: \(trained)")
            for line in run.parameters.map({ "\($0)".split(separator: "\n") }) ?? [] {
                try append("[!] \(line)")
            }
            for note in run.notes { try append(note, level: "WARNING") }
        case .step(let report):
            guard report.step.isMultiple(of: every) || report.step == report.steps else { return }
            let progress = Double(report.step) / Double(max(1, report.steps))
            var parts = [
                "[!] progress: \(fixed(progress, 5))",
                "remaining time: \(clock(report.secondsLeft))", "loss: \(fixed(report.loss, 4))",
            ]
            if let accuracy = report.accuracy {
                parts.append("token_acc: \(fixed(accuracy * 100, 2))")
            }
            try append(parts.joined(separator: "; "))
        case .evaluation(let report):
            try append(
                "[!] held-out loss after \(report.step) steps: \(fixed(report.loss, 4))"
                    + (report.isBest ? ", the best so far" : ""))
        case .saved(let path, let step): try append("[!] saved after \(step) steps: \(path)")
        case .message(let text): try append(text, level: "WARNING")
        case .stopped(let reason, let step):
            try append("[!] stopped after \(step) steps: \(reason.sentence)")
        case .preview: break
        }
    }

    private func append(_ message: String, level: String = "INFO") throws {
        let time = CalendarTime.now
        let line = "\(time.logged) - southgpt-train - \(level): \(message)\n"
        try file.append([UInt8](line.utf8))
    }
}

/// A moment by the clock on the wall.
struct CalendarTime {
    private let fields: tm
    private let milliseconds: Int

    static var now: CalendarTime {
        var (clock, fields) = (timespec(), tm())
        clock_gettime(CLOCK_REALTIME, &clock)
        localtime_r(&clock.tv_sec, &fields)
        return CalendarTime(fields: fields, milliseconds: clock.tv_nsec / 1_000_000)
    }

    /// As C's `asctime` has it: `Sat Nov 28 03:07:44 2026`.
    var asctime: String { formatted("%a %b %e %H:%M:%S %Y") }

    /// As Python's logging has it: `2026-11-28 03:07:44,005`.
    var logged: String {
        let thousandths = String(milliseconds + 1000).dropFirst()
        return formatted("%Y-%m-%d %H:%M:%S,") + thousandths
    }

    private func formatted(_ format: String) -> String {
        var (fields, text) = (fields, [CChar](repeating: 0, count: 64))
        let count = strftime(&text, text.count, format, &fields)
        return String(decoding: text[..<count].map(UInt8.init), as: UTF8.self)
    }
}

/// A number with so many decimals.
func fixed(_ number: Double, _ decimals: Int) -> String {
    guard number.isFinite, abs(number) < 1e12 else { return "\(number)" }
    let scale = pow(10, Double(decimals))
    let rounded = Int((abs(number) * scale).rounded())
    let digits = String(rounded % Int(scale) + Int(scale)).dropFirst()
    let sign = number < 0 && rounded > 0 ? "-" : ""
    return "\(sign)\(rounded / Int(scale))" + (decimals > 0 ? ".\(digits)" : "")
}

/// Seconds as hours, minutes and seconds.
func clock(_ seconds: Double) -> String {
    let whole = Int(min(max(0, seconds.isFinite ? seconds : 0), 1e9))
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(whole / 3600):\(two(whole / 60 % 60)):\(two(whole % 60))"
}
