/// Parameters laid end to end and cut into buckets, each of which ranks exchange at once and, where
/// they partition, cut into one shard a rank. Behind the last parameter there may be padding.
package struct FlatLayout: Equatable {
    /// Part of one parameter inside a range of the flat order.
    package struct Piece: Equatable {
        package let parameter: Int
        /// Elements of the parameter.
        package let elements: Range<Int>
        /// Where they start, from the start of the range.
        package let offset: Int

        package init(parameter: Int, elements: Range<Int>, offset: Int) {
            (self.parameter, self.elements, self.offset) = (parameter, elements, offset)
        }
    }

    /// Buckets that a rank has on their way at once: more would hold the memory that partitioning
    /// saves.
    static let bucketsInFlight = 4
    /// Elements that an exchange can have, with bytes that MPI can count.
    static let longestBucket = 1 << 27

    /// Where each parameter starts.
    let starts: [Int]
    /// Elements of all parameters, without padding.
    package let count: Int
    /// Ranges of the flat order. The length of each is a multiple of the number of shards.
    package let buckets: [Range<Int>]
    private let shards: Int

    /// - Parameters:
    ///   - lengths: elements of each parameter
    ///   - bucketLength: elements of a bucket, about
    ///   - shards: how many parts a bucket is cut into
    package init(_ lengths: [Int], bucketLength: Int, shards: Int) {
        precondition(bucketLength > 0 && shards > 0, "FlatLayout: \(bucketLength), \(shards)")
        var starts: [Int] = []
        count = lengths.reduce(into: 0) { end, length in
            starts.append(end)
            end += length
        }
        self.starts = starts
        self.shards = shards
        let length = min(bucketLength, FlatLayout.longestBucket)
        let step = (length + shards - 1) / shards * shards
        let end = (count + shards - 1) / shards * shards
        buckets = stride(from: 0, to: end, by: step).map { $0..<min($0 + step, end) }
    }

    /// What lies in a range, in order.
    package func pieces(of range: Range<Int>) -> [Piece] {
        var pieces: [Piece] = []
        for parameter in parameters(in: range) {
            let start = starts[parameter]
            let part = range.clamped(to: start..<end(of: parameter))
            if part.isEmpty { continue }
            pieces.append(
                Piece(
                    parameter: parameter,
                    elements: part.lowerBound - start..<part.upperBound - start,
                    offset: part.lowerBound - range.lowerBound))
        }
        return pieces
    }

    /// The flat order's elements of a parameter.
    package func range(of parameter: Int) -> Range<Int> { starts[parameter]..<end(of: parameter) }

    /// The buckets that a parameter lies in.
    package func buckets(of parameter: Int) -> Range<Int> {
        let range = range(of: parameter)
        guard !range.isEmpty, let step = buckets.first?.count else { return 0..<0 }
        return range.lowerBound / step..<(range.upperBound - 1) / step + 1
    }

    /// The part of a bucket that a rank keeps.
    package func shard(of bucket: Int, rank: Int) -> Range<Int> {
        let length = buckets[bucket].count / shards
        let start = buckets[bucket].lowerBound + rank * length
        return start..<start + length
    }

    private func end(of parameter: Int) -> Int {
        parameter + 1 < starts.count ? starts[parameter + 1] : count
    }

    /// Those that reach into a range, found by bisection.
    private func parameters(in range: Range<Int>) -> Range<Int> {
        var (low, high) = (0, starts.count)
        while low < high {
            let middle = (low + high) / 2
            if end(of: middle) <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        var last = low
        while last < starts.count, starts[last] < range.upperBound { last += 1 }
        return low..<last
    }
}

/// Tells which buckets are full, in the one order in which all ranks send them: from the last one,
/// where a backward pass begins.
package struct BucketCountdown {
    private let layout: FlatLayout
    /// Parameters that each bucket waits for.
    private var missing: [Int]
    /// Buckets from here on are full and told.
    private var told: Int

    package init(_ layout: FlatLayout) {
        self.layout = layout
        told = layout.buckets.count
        missing = layout.buckets.map { _ in 0 }
        for parameter in layout.starts.indices {
            for bucket in layout.buckets(of: parameter) { missing[bucket] += 1 }
        }
    }

    /// A parameter is there.
    ///
    /// - Returns: buckets that may be sent now, in order
    package mutating func finish(_ parameter: Int) -> [Int] {
        for bucket in layout.buckets(of: parameter) { missing[bucket] -= 1 }
        var full: [Int] = []
        while told > 0, missing[told - 1] == 0 {
            told -= 1
            full.append(told)
        }
        return full
    }
}
