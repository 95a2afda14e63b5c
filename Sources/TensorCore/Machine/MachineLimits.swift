internal import CSouthKernels

/// Work whose speed is the machine's own limit, for benchmarks to divide by.
package enum MachineLimits {
    /// Multiplies and adds in the registers of all threads; returns how many operations that was.
    package static func multiplyAdds() -> Double { south_multiply_adds() }

    /// Reads a dense `float32` tensor once.
    package static func readThrough(_ x: Tensor) {
        withExtendedLifetime(x) { south_read_through(x.floatPointer, x.count) }
    }
}
