extension ReferenceBackend {
    func embedding(_ table: Tensor, ids: Tensor) -> Tensor {
        let width = table.shape[1]
        let all = values(cast(table, to: .float32))
        var rows: [Int32] = []
        read(ids) { rows = Array($0.bindMemory(to: Int32.self)) }
        let results = rows.flatMap { id -> ArraySlice<Float> in
            precondition(
                (0..<table.shape[0]).contains(Int(id)), "row \(id) of a table of \(table.shape[0])")
            return all[(Int(id) * width)..<((Int(id) + 1) * width)]
        }
        return tensor(results, [rows.count, width])
    }
}
