/// Why processes of a run could not work together.
public enum CommunicatorError: Error, Equatable, CustomStringConvertible {
    /// Several processes were started, by a build that cannot see the others.
    case builtWithoutMPI(ranks: Int)
    /// A collective failed.
    case failed(operation: String, reason: String)
    /// A rank did not come to a collective in time.
    case timedOut(operation: String, seconds: Double)
    /// Rank 0 could not do what all waited for.
    case rankZeroFailed(reason: String)
    /// A rank was started with something else than rank 0.
    case disagreement(about: String, rank: Int, found: String, expected: String)

    public var description: String {
        switch self {
        case .builtWithoutMPI(let ranks):
            "started as one of \(ranks) processes, but this program was built without MPI. Build "
                + "it with --traits MPI (apt: libopenmpi-dev openmpi-bin), or start it alone."
        case .failed(let operation, let reason):
            "\(operation) between the processes of the run failed: \(reason)."
        case .timedOut(let operation, let seconds):
            "\(operation) between the processes of the run: some did not come within \(seconds) s. "
                + "Did a machine stop? SOUTHGPT_PATIENCE sets the seconds."
        case .rankZeroFailed(let reason):
            "rank 0 could not go on: \(reason)"
        case .disagreement(let subject, let rank, let found, let expected):
            "rank \(rank) has \(subject) '\(found)', rank 0 '\(expected)'. Start all ranks with the "
                + "same arguments and files."
        }
    }
}
