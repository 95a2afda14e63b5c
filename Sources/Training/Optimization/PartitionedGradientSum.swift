import TensorCore

/// Of several ranks that each keep a shard of every bucket: every micro-batch's buckets are summed
/// over the ranks while its backward pass goes on, and what belongs to others is forgotten.
///
/// - Source: ZeRO stage 2, Rajbhandari et al. 2019, arXiv:1910.02054
struct PartitionedGradientSum: GradientSum {
    let shares: [Share]
    /// Where in the shards each share lies.
    private let places: [(bucket: Int, offset: Int)]
    private let layout: FlatLayout
    private let pieces: [[(bucket: Int, piece: FlatLayout.Piece)]]
    private let transport: any Transport
    private let reduction: DType

    /// Buckets that a pass is filling.
    private var open: [Int: ExchangeBuffer] = [:]
    /// Memory to fill again.
    private var spare: [ExchangeBuffer] = []
    private var countdown: BucketCountdown?
    private var pending:
        [(bucket: Int, sent: ExchangeBuffer, shard: ExchangeBuffer, any Exchange)] =
            []
    /// This rank's shard of each bucket.
    private var sums: [Tensor?]

    init(_ layout: FlatLayout, _ config: OptimizerConfig, _ transport: any Transport) {
        self.layout = layout
        self.transport = transport
        reduction = config.reduction
        sums = layout.buckets.map { _ in nil }
        var (shares, places): ([Share], [(bucket: Int, offset: Int)]) = ([], [])
        var pieces = layout.starts.map { _ in [(bucket: Int, piece: FlatLayout.Piece)]() }
        for (bucket, range) in layout.buckets.enumerated() {
            for piece in layout.pieces(of: layout.shard(of: bucket, rank: transport.rank)) {
                shares.append(Share(parameter: piece.parameter, elements: piece.elements))
                places.append((bucket, piece.offset))
            }
            for piece in layout.pieces(of: range) {
                pieces[piece.parameter].append((bucket, piece))
            }
        }
        (self.shares, self.places, self.pieces) = (shares, places, pieces)
    }

    mutating func begin(isLast: Bool) { countdown = BucketCountdown(layout) }

    mutating func add(_ gradient: Tensor?, to parameter: Int) throws {
        let flat = gradient?.flattened()
        for (bucket, piece) in pieces[parameter] {
            let buffer = buffer(of: bucket)
            let place = piece.offset..<piece.offset + piece.elements.count
            if let flat {
                buffer.write(flat.sliced(0, piece.elements), at: place.lowerBound)
            } else {
                buffer.clear(place)
            }
        }
        for bucket in countdown?.finish(parameter) ?? [] { try send(bucket) }
    }

    private mutating func buffer(of bucket: Int) -> ExchangeBuffer {
        if let buffer = open[bucket] { return buffer }
        let count = layout.buckets[bucket].count
        let known = spare.firstIndex { $0.count == count }
        let buffer = known.map { spare.remove(at: $0) } ?? ExchangeBuffer(count, reduction)
        // Padding, where there is any, must add up to zero.
        let end = min(count, layout.count - layout.buckets[bucket].lowerBound)
        buffer.clear(end..<count)
        open[bucket] = buffer
        return buffer
    }

    private mutating func send(_ bucket: Int) throws {
        if pending.count >= FlatLayout.bucketsInFlight { try receive() }
        let full = buffer(of: bucket)
        open[bucket] = nil
        let shard = ExchangeBuffer(full.count / transport.size, .float32)
        pending.append(
            (bucket, full, shard, try transport.begin(.sumScatter(full, into: shard))))
    }

    /// Waits for the oldest bucket.
    private mutating func receive() throws {
        let (bucket, sent, shard, exchange) = pending.removeFirst()
        try exchange.wait()
        spare.append(sent)
        sums[bucket] = sums[bucket].map { $0 + shard.tensor } ?? shard.tensor
    }

    mutating func finish() throws {
        while !pending.isEmpty { try receive() }
        spare = []
    }

    func gradient(of share: Int) -> Tensor? {
        let (bucket, offset) = places[share]
        return sums[bucket].map { $0.sliced(0, offset..<offset + shares[share].elements.count) }
    }

    mutating func reset() { sums = sums.map { _ in nil } }
}
