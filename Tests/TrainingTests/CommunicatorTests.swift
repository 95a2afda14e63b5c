import Testing
import Training

/// Alone, a process is rank 0 of 1 and every collective is the identity, with MPI and without.
@Suite(.serialized) struct CommunicatorTests {
    @Test func oneProcessIsRankZeroOfOne() throws {
        let communicator = try Communicator(environment: [:])
        #expect(communicator.rank == 0)
        #expect(communicator.size == 1)
        var values: [Float] = [1, -2, 3]
        try communicator.barrier()
        try communicator.broadcast(&values)
        try communicator.sum(&values)
        try communicator.mean(&values)
        #expect(values == [1, -2, 3])
    }

    @Test func aRankThatDoesNotExistIsAnError() throws {
        let communicator = try Communicator(environment: [:])
        var values: [Float] = [1]
        let error = #expect(throws: CommunicatorError.self) {
            try communicator.broadcast(&values, from: 1)
        }
        #expect(
            error?.description
                == "broadcast between the processes of the run failed: no such rank among 1.")
    }

    @Test(.enabled(if: !Communicator.hasMPI))
    func aBuildWithoutMPIDoesNotPretendToBeSeveral() {
        #expect(throws: CommunicatorError.builtWithoutMPI(ranks: 4)) {
            try Communicator(environment: ["OMPI_COMM_WORLD_SIZE": "4"])
        }
    }
}
