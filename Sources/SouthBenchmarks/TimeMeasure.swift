import Glibc

/// What a run's seconds are counted by.
public enum TimeMeasure: String, Codable, Sendable {
    /// The clock on the wall.
    case wall
    /// The processor time of the whole process: on one thread, what other programs do beside it
    /// counts for less.
    case processor

    /// Seconds of one run.
    func seconds(_ run: () throws -> Void) rethrows -> Double {
        let clock = self == .wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID
        func now() -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let start = now()
        try run()
        return now() - start
    }
}
