package import TensorCore

/// Memory of the host that a transport may read and write while others compute. Its owner keeps
/// away from it between `begin` and `wait`.
package final class ExchangeBuffer: @unchecked Sendable {
    package let dtype: DType
    /// Elements.
    package let count: Int
    let bytes: UnsafeMutableRawBufferPointer

    /// Zeros.
    package init(_ count: Int, _ dtype: DType) {
        (self.count, self.dtype) = (count, dtype)
        bytes = .allocate(byteCount: dtype.byteCount(of: count), alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    /// The elements of a range, in place: they change when the buffer does.
    package func tensor(_ range: Range<Int>) -> Tensor {
        let window = UnsafeRawBufferPointer(rebasing: bytes[place(range)])
        return Tensor(
            storage: HostStorage(window: window, owner: self), device: .cpu, dtype: dtype,
            shape: [range.count])
    }

    /// The elements of a range, copied: memory that tensors recycle.
    package func copied(_ range: Range<Int>) -> Tensor {
        tensor(range).withBytes { Tensor(copying: $0, dtype, [range.count]) }
    }

    /// All elements, in place.
    package var tensor: Tensor { tensor(0..<count) }

    /// Copies elements to a place, in the buffer's type.
    package func write(_ values: Tensor, at start: Int) {
        values.cast(to: dtype).withBytes { source in
            bytes[place(start..<start + values.count)].copyBytes(from: source)
        }
    }

    /// Copies bytes to a place.
    package func copy(_ source: UnsafeRawBufferPointer, at start: Int = 0) {
        precondition(
            start + source.count <= bytes.count,
            "ExchangeBuffer: \(source.count) bytes at \(start) of \(bytes.count)")
        UnsafeMutableRawBufferPointer(rebasing: bytes[start...]).copyBytes(from: source)
    }

    /// Zeros a range.
    package func clear(_ range: Range<Int>) {
        let part = UnsafeMutableRawBufferPointer(rebasing: bytes[place(range)])
        part.initializeMemory(as: UInt8.self, repeating: 0)
    }

    private func place(_ range: Range<Int>) -> Range<Int> {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= count,
            "ExchangeBuffer: \(range) of \(count) elements")
        return dtype.byteCount(of: range.lowerBound)..<dtype.byteCount(of: range.upperBound)
    }
}
