import Foundation

/// Timesteps and the noise beside a signal of one (σ) for the solvers that count in σ. One more σ
/// than timesteps: where the last step arrives.
struct SigmaSchedule: Sendable {
    let timesteps: [Float]
    let sigmas: [Float]

    /// - Parameter timesteps: falling, possibly fractional
    /// - Parameter wholeTable: Karras' list spans the whole table, not just what `timesteps` visit,
    ///   and its timesteps are whole
    init(
        _ config: SchedulerConfig, _ schedule: NoiseSchedule, timesteps: [Double],
        wholeTable: Bool
    ) {
        let table = schedule.sigmas.map(Double.init)
        var visited = timesteps.map { SigmaSchedule.interpolated(table, at: $0) }
        var times = timesteps
        if config.karras {
            let ends =
                wholeTable
                ? (table[table.count - 1], table[0]) : (visited[0], visited[visited.count - 1])
            visited = SigmaSchedule.karras(from: ends.0, to: ends.1, visited.count)
            // The table of logarithms is in single precision in the original.
            let logarithms = schedule.sigmas.map { Double(log($0)) }
            times = visited.map { SigmaSchedule.position(of: log(max($0, 1e-10)), in: logarithms) }
            if wholeTable {
                let rule =
                    config.betaSchedule == .cosine
                    ? FloatingPointRoundingRule.towardZero : .toNearestOrEven
                times = times.map { $0.rounded(rule) }
            }
        }
        self.timesteps = times.map { Float($0) }
        let last = config.finalSigmasType == "sigma_min" ? schedule.sigmas[0] : 0
        sigmas = visited.map { Float($0) } + [last]
    }

    private static func interpolated(_ table: [Double], at position: Double) -> Double {
        let position = min(max(position, 0), Double(table.count - 1))
        let low = min(Int(position), table.count - 2)
        return table[low] + (table[low + 1] - table[low]) * (position - Double(low))
    }

    /// Karras et al. 2022, arXiv:2206.00364, equation 5 with ρ = 7.
    private static func karras(from largest: Double, to least: Double, _ count: Int) -> [Double] {
        let (a, b) = (pow(largest, 1 / 7), pow(least, 1 / 7))
        return spread(0, 1, count).map { pow(a + $0 * (b - a), 7) }
    }

    /// Where in a rising table a value lies, between its entries.
    private static func position(of value: Double, in table: [Double]) -> Double {
        let below = table.lastIndex { $0 <= value } ?? 0
        let low = min(below, table.count - 2)
        let share = (table[low] - value) / (table[low] - table[low + 1])
        return Double(low) + min(max(share, 0), 1)
    }
}
