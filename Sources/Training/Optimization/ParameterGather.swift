import TensorCore

/// Puts parameters together again of which every rank has moved its shards. A bucket sets out as
/// soon as this rank's shard of it is there.
struct ParameterGather {
    private let layout: FlatLayout
    private let parameters: [Parameter]
    private let transport: any Transport
    private var buffers: [ExchangeBuffer] = []
    private var exchanges: [any Exchange] = []

    init(_ layout: FlatLayout, _ parameters: [Parameter], _ transport: any Transport) {
        (self.layout, self.parameters, self.transport) = (layout, parameters, transport)
    }

    /// Sends this rank's shard of the next bucket.
    ///
    /// - Parameter values: of each share in it, in order, flat
    mutating func send(_ values: [Tensor]) throws {
        let bucket = buffers.count
        let shard = layout.shard(of: bucket, rank: transport.rank)
        let buffer = ExchangeBuffer(layout.buckets[bucket].count, dtype(of: bucket))
        let start = shard.lowerBound - layout.buckets[bucket].lowerBound
        for (piece, value) in zip(layout.pieces(of: shard), values) {
            buffer.write(value, at: start + piece.offset)
        }
        buffers.append(buffer)
        exchanges.append(try transport.begin(.allGather(buffer)))
    }

    /// Waits for every bucket and replaces the parameters by views of them.
    mutating func finish() throws {
        var parts: [Tensor] = []
        for (bucket, range) in layout.buckets.enumerated() {
            try exchanges[bucket].wait()
            for piece in layout.pieces(of: range) {
                let end = piece.offset + piece.elements.count
                parts.append(buffers[bucket].tensor(piece.offset..<end))
                let parameter = parameters[piece.parameter]
                let value = parameter.value.detached()
                guard piece.elements.upperBound == value.count else { continue }
                let types = Set(parts.map(\.dtype))
                let same = types.count == 1 ? parts : parts.map { $0.cast(to: value.dtype) }
                let whole = Tensor.concatenate(same, axis: 0).cast(to: value.dtype)
                parameter.replace(with: whole.on(value.device).reshaped(value.shape))
                parts = []
            }
        }
        (buffers, exchanges) = ([], [])
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
