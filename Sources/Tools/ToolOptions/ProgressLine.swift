import Foundation

/// One line of progress on stderr: a bar that is redrawn on a terminal, a line a tenth elsewhere.
public final class ProgressLine {
    private let isTerminal: Bool
    private let usesColor: Bool
    private var shown = ""
    private var lastTenth = -1
    private var lastLabel = ""

    /// Looks at stderr and `NO_COLOR`.
    public init() {
        isTerminal = isatty(STDERR_FILENO) == 1
        usesColor = isTerminal && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
    }

    /// Shows how far a job is, and how long the rest may take where that is known.
    ///
    /// - Parameter detail: what changes from time to time and stands behind it
    public func show(
        _ label: String, _ completed: Int, of total: Int, detail: String = "",
        secondsLeft: Double? = nil
    ) {
        guard total > 0 else { return }
        let left =
            (detail.isEmpty ? "" : "  \(detail)")
            + (secondsLeft.map { ProgressLine.left($0) } ?? "")
        isTerminal
            ? redraw(label, completed, total, left) : report(label, completed, total, left)
    }

    private static func left(_ seconds: Double) -> String {
        let whole = Int(min(1e9, max(0, seconds.rounded(.up))))
        if whole < 90 { return ", \(whole) s left" }
        if whole < 5400 { return ", \((whole + 30) / 60) min left" }
        return ", \(whole / 3600) h \(whole % 3600 / 60) min left"
    }

    private func redraw(_ label: String, _ completed: Int, _ total: Int, _ left: String) {
        let filled = 24 * completed / total
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
        let tinted = usesColor ? "\u{1B}[36m\(bar)\u{1B}[0m" : bar
        shown = "\(label) \(tinted) \(completed)/\(total)\(left)"
        write("\r\u{1B}[2K\(shown)" + (completed >= total ? "\n" : ""))
        if completed >= total { shown = "" }
    }

    private func report(_ label: String, _ completed: Int, _ total: Int, _ left: String) {
        let tenth = 10 * completed / total
        guard tenth != lastTenth || label != lastLabel else { return }
        (lastTenth, lastLabel) = (tenth, label)
        write("\(label) \(completed)/\(total)\(left)\n")
    }

    /// Takes the bar away, before something else is printed.
    public func clear() {
        guard !shown.isEmpty else { return }
        shown = ""
        write("\r\u{1B}[2K")
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
