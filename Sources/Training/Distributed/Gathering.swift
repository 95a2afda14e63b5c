import FoundationEssentials

extension Communicator {
    /// Every rank's value, in rank order, on all of them. Collective.
    ///
    /// - Throws: `CommunicatorError`
    func gatherForAll<Value: Codable>(_ value: Value) throws -> [Value] {
        guard size > 1 else { return [value] }
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try gather([UInt8](encoder.encode([value]))).flatMap {
            try decoder.decode([Value].self, from: Data($0))
        }
    }
}
