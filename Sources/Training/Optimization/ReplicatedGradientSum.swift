import TensorCore

/// Of several ranks that all keep everything: sums over the micro-batches at home, then, bucket by
/// bucket while the last backward pass goes on, over the ranks.
struct ReplicatedGradientSum: GradientSum {
    let shares: [Share]
    private let layout: FlatLayout
    private let transport: any Transport
    private let reduction: DType
    private let flat: ExchangeBuffer
    /// Whether this step has written a parameter's place.
    private var isWritten: [Bool]
    private var countdown: BucketCountdown?
    private var pending: [(bucket: Int, sums: ExchangeBuffer, exchange: any Exchange)] = []

    init(_ lengths: [Int], _ config: OptimizerConfig, _ transport: any Transport) {
        layout = FlatLayout(lengths, bucketLength: config.bucketLength, shards: 1)
        shares = lengths.enumerated().map { Share(parameter: $0, elements: 0..<$1) }
        reduction = config.reduction
        self.transport = transport
        flat = ExchangeBuffer(layout.count, .float32)
        isWritten = lengths.map { _ in false }
    }

    mutating func begin(isLast: Bool) { countdown = isLast ? BucketCountdown(layout) : nil }

    mutating func add(_ gradient: Tensor?, to parameter: Int) throws {
        let range = layout.range(of: parameter)
        if let gradient {
            let part = gradient.flattened()
            flat.write(
                isWritten[parameter] ? flat.tensor(range) + part : part, at: range.lowerBound)
            isWritten[parameter] = true
        } else if !isWritten[parameter] {
            flat.clear(range)
            isWritten[parameter] = true
        }
        for bucket in countdown?.finish(parameter) ?? [] { try send(bucket) }
    }

    private mutating func send(_ bucket: Int) throws {
        if pending.count >= FlatLayout.bucketsInFlight { try receive() }
        let range = layout.buckets[bucket]
        guard reduction != .float32 else {
            pending.append((bucket, flat, try transport.begin(.sum(flat, range))))
            return
        }
        let narrow = ExchangeBuffer(range.count, reduction)
        narrow.write(flat.tensor(range), at: 0)
        pending.append((bucket, narrow, try transport.begin(.sum(narrow, 0..<range.count))))
    }

    /// Waits for the oldest bucket.
    private mutating func receive() throws {
        let (bucket, sums, exchange) = pending.removeFirst()
        try exchange.wait()
        if sums !== flat { flat.write(sums.tensor, at: layout.buckets[bucket].lowerBound) }
    }

    mutating func finish() throws {
        while !pending.isEmpty { try receive() }
    }

    func gradient(of share: Int) -> Tensor? { flat.tensor(layout.range(of: share)) }

    mutating func reset() { isWritten = isWritten.map { _ in false } }
}
