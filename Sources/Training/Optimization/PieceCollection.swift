import TensorCore

/// Puts one parameter's record together on rank 0, of which every rank has pieces: one bucket at a
/// time, so that there is never more than the record itself and a bucket.
struct PieceCollection: Sendable {
    private let transport: any Transport
    /// For each bucket that the parameter lies in: its elements that each rank has.
    private let places: [[Range<Int>]]
    private let range: Range<Int>

    init(_ layout: FlatLayout, parameter: Int, transport: any Transport) {
        self.transport = transport
        let range = layout.range(of: parameter)
        self.range = range
        places = layout.buckets(of: parameter).map { bucket in
            (0..<transport.size).map { layout.shard(of: bucket, rank: $0).clamped(to: range) }
        }
    }

    /// The record, flat; nil but on rank 0. Collective.
    ///
    /// - Parameter mine: this rank's pieces, in order
    func whole(of mine: [Tensor]) throws -> Tensor? {
        let isReceiver = transport.rank == 0
        let whole = isReceiver ? ExchangeBuffer(range.count, .float32) : nil
        var next = mine.makeIterator()
        for places in places {
            let width = places.map(\.count).max() ?? 0
            let sent = ExchangeBuffer(width, .float32)
            if !places[transport.rank].isEmpty, let piece = next.next() {
                sent.write(piece, at: 0)
            }
            let rows = isReceiver ? ExchangeBuffer(width * transport.size, .float32) : nil
            try transport.begin(.gather(sent, into: rows)).wait()
            guard let rows, let whole else { continue }
            for (rank, place) in places.enumerated() where !place.isEmpty {
                let row = rows.tensor(rank * width..<rank * width + place.count)
                whole.write(row, at: place.lowerBound - range.lowerBound)
            }
        }
        return whole?.tensor
    }
}
