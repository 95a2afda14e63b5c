internal import CSouthCommunicator
internal import Foundation
public import TensorCore

/// The processes of a run, seen from one of them. With the trait `MPI` they are those of `mpirun`;
/// without it there is one, rank 0 of 1.
///
/// Every call is collective: all ranks make it in the same order. An error leaves them in
/// different places: only `abort` may follow.
public struct Communicator: Sendable {
    package let transport: any Transport

    /// This process among the ranks, from zero.
    public var rank: Int { transport.rank }
    /// How many processes there are.
    public var size: Int { transport.size }

    /// Whether MPI is built in.
    public static var hasMPI: Bool { south_communicator_has_mpi() == 1 }

    /// Joins the run. Later calls in the same process return the same run.
    ///
    /// A collective fails where other ranks do not come to it for half an hour, or for as many
    /// seconds as `SOUTHGPT_PATIENCE` says.
    ///
    /// - Throws: `CommunicatorError.builtWithoutMPI` where several processes of a build without MPI
    ///   were started, which would each train alone and overwrite each other's files
    public init() throws {
        try self.init(environment: ProcessInfo.processInfo.environment)
    }

    package init(environment: [String: String]) throws {
        // mpirun tells its processes their number; srun's plugins their rank alone.
        let isLaunched = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"].contains {
            environment[$0] != nil
        }
        #if MPI
            let patience = environment["SOUTHGPT_PATIENCE"].flatMap(Double.init) ?? 1800
            transport =
                isLaunched
                ? try MPITransport(patience: patience) : InProcessTransport.ranks(1)[0]
        #else
            let size = environment["OMPI_COMM_WORLD_SIZE"] ?? environment["SLURM_STEP_NUM_TASKS"]
            let ranks = isLaunched ? size.flatMap(Int.init) ?? 1 : 1
            guard ranks == 1 else { throw CommunicatorError.builtWithoutMPI(ranks: ranks) }
            transport = InProcessTransport.ranks(1)[0]
        #endif
    }

    package init(_ transport: any Transport) { self.transport = transport }

    /// Leaves the run; no other call may follow.
    public func finish() throws { try transport.finish() }

    /// Says what went wrong on this rank and ends the processes of all: the others may be waiting
    /// for this one.
    public func abort(after error: any Error) -> Never {
        let place = size > 1 ? "rank \(rank) of \(size): " : ""
        FileHandle.standardError.write(Data("error: \(place)\(error)\n".utf8))
        transport.abort(code: 1)
    }

    /// Returns when every rank has called it.
    public func barrier() throws { try transport.begin(.barrier).wait() }

    /// The sum over the ranks of each value, the same to the bit on all of them.
    public func sum(_ values: [Double]) throws -> [Double] {
        guard size > 1, !values.isEmpty else { return values }
        let buffer = ExchangeBuffer(values.count, .float64)
        values.withUnsafeBytes { buffer.copy($0) }
        try transport.begin(.sum(buffer, 0..<buffer.count)).wait()
        return buffer.tensor.withBytes { Array($0.bindMemory(to: Double.self)) }
    }

    /// Whether any rank says so: how they agree to stop.
    public func any(_ flag: Bool) throws -> Bool { try sum([flag ? 1 : 0])[0] > 0 }

    /// Rank `root`'s bytes, on every rank.
    public func broadcast(_ bytes: [UInt8], from root: Int = 0) throws -> [UInt8] {
        precondition((0..<size).contains(root), "broadcast: from rank \(root) of \(size)")
        guard size > 1 else { return bytes }
        let count = Int(try sum([rank == root ? Double(bytes.count) : 0])[0])
        let buffer = ExchangeBuffer(count, .uint8)
        if rank == root { bytes.withUnsafeBytes { buffer.copy($0) } }
        try transport.begin(.broadcast(buffer, root: root)).wait()
        return buffer.tensor.withBytes { Array($0) }
    }

    /// Every rank's bytes in the order of the ranks, on all of them.
    public func gather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        guard size > 1 else { return [bytes] }
        var counts = Array(repeating: 0.0, count: size)
        counts[rank] = Double(bytes.count)
        let lengths = try sum(counts).map { Int($0) }
        // Rows of one length, the longest rank's.
        let width = lengths.max() ?? 0
        let rows = ExchangeBuffer(size * width, .uint8)
        bytes.withUnsafeBytes { rows.copy($0, at: rank * width) }
        try transport.begin(.allGather(rows)).wait()
        return lengths.enumerated().map { rank, length in
            rows.tensor(rank * width..<rank * width + length).withBytes { Array($0) }
        }
    }

    /// Rank 0's values replace everyone's, each in the type it has there.
    public func broadcast(_ parameters: [Parameter]) throws {
        guard size > 1 else { return }
        for parameter in parameters {
            let value = parameter.value.detached()
            let buffer = ExchangeBuffer(value.count, value.dtype)
            buffer.write(value.flattened(), at: 0)
            try transport.begin(.broadcast(buffer, root: 0)).wait()
            let received = buffer.copied(0..<value.count).on(value.device).reshaped(value.shape)
            if rank > 0 { parameter.replace(with: received) }
        }
    }

    /// Checks that all ranks have the same text, line by line.
    ///
    /// - Parameter subject: what it is, for the message
    /// - Throws: `CommunicatorError.disagreement`, the same on every rank, about the first rank that
    ///   differs and the first line in which it does
    public func requireAgreement(on text: String, about subject: String) throws {
        guard size > 1 else { return }
        let expected = String(decoding: try broadcast(Array(text.utf8)), as: UTF8.self)
        var differs = Array(repeating: 0.0, count: size)
        differs[rank] = text == expected ? 0 : 1
        guard let other = try sum(differs).firstIndex(where: { $0 > 0 }) else { return }
        let found = String(decoding: try broadcast(Array(text.utf8), from: other), as: UTF8.self)
        let (theirs, ours) = (lines(found), lines(expected))
        let line = zip(theirs, ours).first { $0 != $1 }
        throw CommunicatorError.disagreement(
            about: subject, rank: other,
            found: line?.0 ?? theirs.dropFirst(ours.count).first ?? "",
            expected: line?.1 ?? ours.dropFirst(theirs.count).first ?? "")
    }

    private func lines(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
}
