#if MPI
    internal import CSouthCommunicator
    import Synchronization
    import TensorCore

    /// The processes that `mpirun` started.
    struct MPITransport: Transport {
        let rank: Int
        let size: Int
        /// Seconds after which a wait gives up.
        private let patience: Double

        init(patience: Double) throws(CommunicatorError) {
            self.patience = patience
            try MPITransport.check(south_communicator_start(), "joining")
            rank = Int(south_communicator_rank())
            size = Int(south_communicator_size())
        }

        func begin(_ collective: Collective) throws(CommunicatorError) -> any Exchange {
            var exchange: OpaquePointer?
            let code =
                switch collective {
                case .barrier: south_communicator_barrier(&exchange)
                case .broadcast(let buffer, let root):
                    south_communicator_broadcast(
                        buffer.bytes.baseAddress, buffer.bytes.count, Int32(root), &exchange)
                case .sum(let buffer, let range):
                    south_communicator_sum(
                        MPITransport.type(buffer.dtype),
                        buffer.bytes.baseAddress.map {
                            $0 + buffer.dtype.byteCount(of: range.lowerBound)
                        }, range.count, &exchange)
                case .sumScatter(let input, let output):
                    south_communicator_sum_scatter(
                        MPITransport.type(input.dtype), input.bytes.baseAddress,
                        output.bytes.baseAddress?.assumingMemoryBound(to: Float.self),
                        output.count, &exchange)
                case .allGather(let buffer):
                    south_communicator_all_gather(
                        buffer.bytes.baseAddress, buffer.bytes.count / size, &exchange)
                case .gather(let input, let output):
                    south_communicator_gather(
                        input.bytes.baseAddress, output?.bytes.baseAddress, input.bytes.count,
                        &exchange)
                }
            try MPITransport.check(code, collective.name)
            return Pending(exchange, of: collective, patience: patience)
        }

        func finish() throws(CommunicatorError) {
            try MPITransport.check(south_communicator_finish(), "leaving")
        }

        func abort(code: Int32) -> Never {
            south_communicator_abort(code)
            fatalError("MPI_Abort returned")
        }

        private static func type(_ dtype: DType) -> Int32 {
            switch dtype {
            case .float32: Int32(SOUTH_SUM_FLOAT32)
            case .float64: Int32(SOUTH_SUM_FLOAT64)
            case .bfloat16: Int32(SOUTH_SUM_BFLOAT16)
            default: preconditionFailure("MPITransport: sums of \(dtype)")
            }
        }

        private static func check(
            _ code: Int32, _ operation: String, patience: Double = 0
        ) throws(CommunicatorError) {
            guard code != 0 else { return }
            guard south_communicator_is_timeout(code) == 0 else {
                throw .timedOut(operation: operation, seconds: patience)
            }
            var text = [CChar](repeating: 0, count: 256)
            south_communicator_message(code, &text, text.count)
            let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            throw .failed(operation: operation, reason: String(decoding: bytes, as: UTF8.self))
        }

        /// Keeps the memory of a collective until it is over.
        private final class Pending: Exchange {
            private let exchange: Mutex<UInt?>
            private let collective: Collective
            private let patience: Double

            init(_ exchange: OpaquePointer?, of collective: Collective, patience: Double) {
                self.exchange = Mutex(exchange.map { UInt(bitPattern: $0) })
                (self.collective, self.patience) = (collective, patience)
            }

            func wait() throws(CommunicatorError) {
                let address = exchange.withLock { exchange in
                    defer { exchange = nil }
                    return exchange
                }
                guard let address else { return }
                let code = south_communicator_wait(OpaquePointer(bitPattern: address), patience)
                try withExtendedLifetime(collective) { () throws(CommunicatorError) in
                    try MPITransport.check(code, collective.name, patience: patience)
                }
            }
        }
    }
#endif
