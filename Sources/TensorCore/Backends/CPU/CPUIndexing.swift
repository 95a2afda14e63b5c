internal import CSouthKernels

extension CPUBackend {
    func embedding(_ table: Tensor, ids: Tensor) -> Tensor {
        let y = empty([ids.count, table.shape[1]])
        withExtendedLifetime((table, ids, y)) {
            let ids32 = ids.bytes.assumingMemoryBound(to: Int32.self)
            for index in 0..<ids.count {
                precondition(
                    ids32[index] >= 0 && Int(ids32[index]) < table.shape[0],
                    "embedding: index \(ids32[index]) of a table of \(table.shape[0])")
            }
            south_embedding(
                ids.count, table.shape[1], table.bytes, table.dtype.kernelCode, ids32,
                y.floatPointer)
        }
        return y
    }
}
