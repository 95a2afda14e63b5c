import FoundationEssentials

extension Communicator {
    /// Every rank's value, in rank order, on all of them. Collective.
    ///
    /// - Throws: `CommunicatorError`
    func gather<Value: Codable>(_ value: Value) throws -> [Value] {
        guard size > 1 else { return [value] }
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let bytes = [UInt8](try encoder.encode([value]))
        // What there is are sums of numbers: each rank fills its own part of a table of zeros.
        var lengths = [Float](repeating: 0, count: size)
        lengths[rank] = Float(bytes.count)
        try sum(&lengths)
        let width = Int(lengths.max() ?? 0)
        var table = [Float](repeating: 0, count: size * width)
        for (index, byte) in bytes.enumerated() { table[rank * width + index] = Float(byte) }
        try sum(&table)
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try (0..<size).flatMap { rank in
            let text = table[rank * width..<rank * width + Int(lengths[rank])].map { UInt8($0) }
            return try decoder.decode([Value].self, from: Data(text))
        }
    }
}
