import TensorCore

/// Puts parameters together again of which every rank has moved its shards. A bucket sets out as
/// soon as this rank's shard of it is there.
struct ParameterGather {
    private let layout: FlatLayout
    private let parameters: [Parameter]
    private let transport: any Transport
    private var sent = 0
    private var pending: [(bucket: Int, buffer: ExchangeBuffer, exchange: any Exchange)] = []
    /// Pieces of a parameter that has more in the next bucket.
    private var parts: [Tensor] = []

    init(_ layout: FlatLayout, _ parameters: [Parameter], _ transport: any Transport) {
        (self.layout, self.parameters, self.transport) = (layout, parameters, transport)
    }

    /// Sends this rank's shard of the next bucket.
    ///
    /// - Parameter values: of each share in it, in order, flat
    mutating func send(_ values: [Tensor]) throws {
        if pending.count >= FlatLayout.bucketsInFlight { try receive() }
        let bucket = sent
        sent += 1
        let shard = layout.shard(of: bucket, rank: transport.rank)
        let buffer = ExchangeBuffer(layout.buckets[bucket].count, dtype(of: bucket))
        let start = shard.lowerBound - layout.buckets[bucket].lowerBound
        for (piece, value) in zip(layout.pieces(of: shard), values) {
            buffer.write(value, at: start + piece.offset)
        }
        pending.append((bucket, buffer, try transport.begin(.allGather(buffer))))
    }

    /// Waits for every bucket.
    mutating func finish() throws {
        while !pending.isEmpty { try receive() }
    }

    /// Waits for the oldest bucket and replaces the parameters that end in it.
    private mutating func receive() throws {
        let (bucket, buffer, exchange) = pending.removeFirst()
        try exchange.wait()
        for piece in layout.pieces(of: layout.buckets[bucket]) {
            parts.append(buffer.copied(piece.offset..<piece.offset + piece.elements.count))
            let parameter = parameters[piece.parameter]
            let value = parameter.value.detached()
            guard piece.elements.upperBound == value.count else { continue }
            // Neighbours in one bucket may have made it a wider one than the next.
            let whole = Tensor.concatenate(parts.map { $0.cast(to: value.dtype) }, axis: 0)
            parameter.replace(with: whole.on(value.device).reshaped(value.shape))
            parts = []
        }
    }

    /// The type of all parameters in a bucket; `float32`, which holds any of them, where they differ.
    private func dtype(of bucket: Int) -> DType {
        let types = Set(
            layout.pieces(of: layout.buckets[bucket]).map {
                parameters[$0.parameter].value.dtype
            })
        return types.count == 1 ? types.first ?? .float32 : .float32
    }
}
