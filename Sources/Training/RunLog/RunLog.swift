import Synchronization

/// The logs of a run, all written from the same events: TensorBoard's, JSON Lines, the original's
/// text, and a file for each picture and sound of the previews.
///
/// A log that cannot be written any more is given up with one message; training goes on.
public final class RunLog: RunObserver {
    private let logs: Mutex<[any LogFile]>
    private let onFailure: @Sendable (any Error) -> Void

    /// Starts the logs in a folder that is there.
    ///
    /// - Parameters:
    ///   - every: steps from one line of the text log to the next
    ///   - onFailure: is told once of each log that is given up
    /// - Throws: `TrainingLogError` where a file cannot be begun
    public init(
        folder: String, every: Int, onFailure: @escaping @Sendable (any Error) -> Void
    ) throws {
        logs = Mutex([
            try TensorBoardLog(folder: folder), try JSONLinesLog(folder: folder),
            try TextLog(folder: folder, every: every), PreviewFiles(folder: folder),
        ])
        self.onFailure = onFailure
    }

    public func note(_ event: TrainingEvent) {
        logs.withLock { logs in
            logs.removeAll { log in
                do {
                    try log.note(event)
                    return false
                } catch {
                    onFailure(error)
                    return true
                }
            }
        }
    }
}

/// One file that a run is written down in.
protocol LogFile: Sendable {
    /// Writes what the file has to say of an event, if anything, and hands it to the system.
    func note(_ event: TrainingEvent) throws
}
