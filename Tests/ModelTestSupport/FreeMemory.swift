package import TensorCore

extension MemoryBudget {
    /// Bytes that may still be reserved.
    package var free: Int {
        var (low, high) = (0, limit ?? 0)
        while low < high {
            let middle = (low + high + 1) / 2
            if (try? reserve(middle, for: "a try", mapped: true)) != nil {
                release(middle)
                low = middle
            } else {
                high = middle - 1
            }
        }
        return low
    }
}
