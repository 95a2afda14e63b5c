internal import CSouthCommunicator
import FoundationEssentials

/// Why processes of a run could not work together.
public enum CommunicatorError: Error, Equatable, CustomStringConvertible {
    /// Several processes were started, by a build that cannot see the others.
    case builtWithoutMPI(ranks: Int)
    /// A collective failed.
    case failed(operation: String, reason: String)

    public var description: String {
        switch self {
        case .builtWithoutMPI(let ranks):
            "started as one of \(ranks) processes, but this program was built without MPI. Build "
                + "it with --traits MPI (apt: libopenmpi-dev openmpi-bin), or start it alone."
        case .failed(let operation, let reason):
            "\(operation) between the processes of the run failed: \(reason)."
        }
    }
}

/// The processes of a run, seen from one of them. With the trait `MPI` they are those of `mpirun`;
/// without it there is one, rank 0 of 1.
///
/// Every call is collective: all ranks make it in the same order, each from one thread.
public struct Communicator: Sendable {
    /// This process among the ranks, from zero.
    public let rank: Int
    /// How many processes there are.
    public let size: Int

    /// Whether MPI is built in.
    public static var hasMPI: Bool { south_communicator_has_mpi() == 1 }

    /// Joins the run. Later calls in the same process return the same run.
    ///
    /// - Throws: `CommunicatorError.builtWithoutMPI` where `mpirun` started several processes of a
    ///   build without MPI, which would each train alone and overwrite each other's files
    public init() throws {
        try self.init(environment: ProcessInfo.processInfo.environment)
    }

    package init(environment: [String: String]) throws {
        let launched = environment["OMPI_COMM_WORLD_SIZE"].flatMap(Int.init) ?? 1
        guard Communicator.hasMPI || launched == 1 else {
            throw CommunicatorError.builtWithoutMPI(ranks: launched)
        }
        try Communicator.check(south_communicator_start(), "joining")
        rank = Int(south_communicator_rank())
        size = Int(south_communicator_size())
    }

    /// Leaves the run; no other call may follow.
    public func finish() throws { try Communicator.check(south_communicator_finish(), "leaving") }

    /// Returns when every rank has called it.
    public func barrier() throws { try Communicator.check(south_communicator_barrier(), "waiting") }

    /// Rank `root`'s values replace everyone's; all arrays have the same length.
    public func broadcast(_ values: inout [Float], from root: Int = 0) throws {
        let code = values.withUnsafeMutableBytes {
            south_communicator_broadcast($0.baseAddress, $0.count, Int32(clamping: root))
        }
        try Communicator.check(code, "broadcast")
    }

    /// The elementwise sum over the ranks replaces everyone's values.
    public func sum(_ values: inout [Float]) throws { try reduce(&values, mean: false) }

    /// The elementwise mean over the ranks replaces everyone's values.
    public func mean(_ values: inout [Float]) throws { try reduce(&values, mean: true) }

    private func reduce(_ values: inout [Float], mean: Bool) throws {
        let code = values.withUnsafeMutableBufferPointer {
            south_communicator_all_reduce_float32($0.baseAddress, $0.count, mean ? 1 : 0)
        }
        try Communicator.check(code, mean ? "mean" : "sum")
    }

    private static func check(_ code: Int32, _ operation: String) throws {
        guard code != 0 else { return }
        var text = [CChar](repeating: 0, count: 256)
        south_communicator_message(code, &text, text.count)
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        throw CommunicatorError.failed(
            operation: operation, reason: String(decoding: bytes, as: UTF8.self))
    }
}
