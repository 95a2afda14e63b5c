import FoundationEssentials

extension Communicator {
    /// Has rank 0 do something while the others wait, and tells all how it went. Collective.
    ///
    /// - Parameter meanwhile: collectives that `work` makes on rank 0; it is called on all ranks,
    ///   on rank 0 after `work`, for those that it did not come to
    /// - Throws: what `work` threw, on rank 0; `CommunicatorError.rankZeroFailed` elsewhere
    func onRankZero(
        _ work: () throws -> Void, meanwhile: () throws -> Void = {}
    ) throws {
        var problem: (any Error)?
        if rank == 0 {
            do { try work() } catch { problem = error }
        }
        try meanwhile()
        let problems = try gatherForAll(problem.map { "\($0)" } ?? "")
        if let problem { throw problem }
        if !problems[0].isEmpty { throw CommunicatorError.rankZeroFailed(reason: problems[0]) }
    }

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
