import TensorCore
import Testing
import Training

@Suite struct CommunicatorTests {
    /// Alone, a process is rank 0 of 1 and every collective is the identity, with MPI and without.
    @Test func oneProcessIsRankZeroOfOne() throws {
        let communicator = try Communicator(environment: [:])
        #expect(communicator.rank == 0 && communicator.size == 1)
        try communicator.barrier()
        #expect(try communicator.sum([1, -2, 3]) == [1, -2, 3])
        #expect(try communicator.broadcast([7, 8]) == [7, 8])
        #expect(try communicator.gather([7, 8]) == [[7, 8]])
        #expect(try communicator.any(true) && !communicator.any(false))
        try communicator.requireAgreement(on: "text", about: "a thing")
    }

    @Test func ranksAddUpTellAndGather() throws {
        let results = try ranks(3) { communicator in
            let rank = UInt8(communicator.rank)
            try communicator.barrier()
            let sums = try communicator.sum([Double(rank), 1e16, -1])
            let told = try communicator.broadcast(
                Array(repeating: rank, count: 2 + Int(rank)), from: 2)
            let gathered = try communicator.gather(Array(repeating: rank, count: Int(rank)))
            let any = try communicator.any(rank == 1)
            let none = try communicator.any(false)
            let weight = Parameter("w", Tensor([Float(rank)]).cast(to: .bfloat16))
            try communicator.broadcast([weight])
            return (sums, told, gathered, any, none, weight.value.cast(to: .float32).item())
        }
        for result in results {
            #expect(result.0 == [3, 3e16, -3] && result.1 == [2, 2, 2, 2])
            #expect(result.2 == [[], [1], [2, 2]])
            #expect(result.3 && !result.4 && result.5 == 0)
        }
    }

    @Test func theFirstDifferenceIsNamedOnEveryRank() throws {
        let messages = try ranks(2) { communicator in
            do {
                let text = "seed: 1\nrate: \(communicator.rank)\nend"
                try communicator.requireAgreement(on: text, about: "the setting")
                return ""
            } catch { return "\(error)" }
        }
        let expected =
            "rank 1 has the setting 'rate: 1', rank 0 'rate: 0'. Start all ranks with the same "
            + "arguments and files."
        #expect(messages == [expected, expected])
    }

    @Test func aWaitInVainSaysHowLong() {
        #expect(
            CommunicatorError.timedOut(operation: "sum", seconds: 20).description
                == "sum between the processes of the run: some did not come within 20.0 s. Did a "
                + "machine stop? SOUTHGPT_PATIENCE sets the seconds.")
    }

    @Test(.enabled(if: !Communicator.hasMPI))
    func aBuildWithoutMPIDoesNotPretendToBeSeveral() {
        #expect(throws: CommunicatorError.builtWithoutMPI(ranks: 4)) {
            try Communicator(environment: ["OMPI_COMM_WORLD_SIZE": "4"])
        }
        #expect(throws: CommunicatorError.builtWithoutMPI(ranks: 2)) {
            try Communicator(environment: ["PMIX_RANK": "0", "SLURM_STEP_NUM_TASKS": "2"])
        }
    }
}
