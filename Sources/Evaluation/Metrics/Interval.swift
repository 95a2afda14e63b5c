import FoundationEssentials
import TensorCore

#if canImport(Glibc)
    import Glibc
#endif

/// Where a score lies with a probability of 95 %.
public struct Interval: Codable, Equatable, Sendable {
    public let low: Double
    public let high: Double

    /// From one number to another.
    public init(_ low: Double, _ high: Double) { (self.low, self.high) = (low, high) }

    /// The quantile of the normal distribution that leaves a fortieth on each side.
    private static let deviations = 1.959963984540054

    /// Wilson's interval of a share: it stays within 0 and 1 and has a width where all or none of
    /// few succeed.
    ///
    /// - Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference"
    public static func wilson(_ successes: Int, of count: Int) -> Interval {
        precondition((0...count).contains(successes), "wilson: \(successes) of \(count)")
        guard count > 0 else { return Interval(0, 1) }
        let (n, z) = (Double(count), deviations)
        let share = Double(successes) / n
        let center = share + z * z / (2 * n)
        let half = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        return Interval(max(0, (center - half) / scale), min(1, (center + half) / scale))
    }

    /// The percentile interval of a statistic of `count` items: it is computed of as many items
    /// drawn from them with replacement, again and again.
    ///
    /// - Parameter statistic: of the items at these places
    /// - Source: Efron 1979, "Bootstrap methods: another look at the jackknife"
    public static func bootstrap(
        of count: Int, resamples: Int = 1000, seed: UInt64 = 13,
        _ statistic: ([Int]) -> Double
    ) -> Interval {
        precondition(count > 0 && resamples > 1, "bootstrap: \(resamples) of \(count) items")
        var generator = CounterGenerator(seed: seed)
        let values = (0..<resamples).map { _ in
            statistic(generator.uniform(count).map { min(count - 1, Int($0 * Float(count))) })
        }.sorted()
        func quantile(_ part: Double) -> Double {
            let place = part * Double(values.count - 1)
            let below = Int(place)
            let above = min(below + 1, values.count - 1)
            return values[below] + (place - Double(below)) * (values[above] - values[below])
        }
        return Interval(quantile(0.025), quantile(0.975))
    }

    /// The interval of a mean, by the bootstrap.
    public static func mean(of values: [Double], seed: UInt64 = 13) -> Interval {
        bootstrap(of: values.count, seed: seed) { places in
            places.reduce(0) { $0 + values[$1] } / Double(places.count)
        }
    }
}
