import Glibc

extension ReferenceBackend {
    /// The sum itself, of one row of complex numbers.
    private func transform(
        _ real: [Double], _ imaginary: [Double], sign: Double
    ) -> (real: [Double], imaginary: [Double]) {
        let n = real.count
        var result = (
            real: [Double](repeating: 0, count: n), imaginary: [Double](repeating: 0, count: n)
        )
        for k in 0..<n {
            for j in 0..<n {
                let angle = sign * 2 * Double.pi * Double(j * k % n) / Double(n)
                let (c, s) = (cos(angle), sin(angle))
                result.real[k] += real[j] * c - imaginary[j] * s
                result.imaginary[k] += real[j] * s + imaginary[j] * c
            }
        }
        return result
    }

    func fourier(_ x: Tensor, inverse: Bool) -> Tensor {
        let (all, n) = (values(x).map(Double.init), x.shape[1])
        let results = (0..<x.shape[0]).flatMap { row -> [Float] in
            let places = (0..<n).map { 2 * (row * n + $0) }
            let y = transform(
                places.map { all[$0] }, places.map { all[$0 + 1] }, sign: inverse ? 1 : -1)
            return (0..<n).flatMap { [Float(y.real[$0]), Float(y.imaginary[$0])] }
        }
        return tensor(results, x.shape)
    }

    func realFourier(_ x: Tensor) -> Tensor {
        let (all, n) = (values(x).map(Double.init), x.shape[1])
        let results = (0..<x.shape[0]).flatMap { row -> [Float] in
            let y = transform(
                Array(all[(row * n)..<((row + 1) * n)]), [Double](repeating: 0, count: n),
                sign: -1)
            return (0...(n / 2)).flatMap { [Float(y.real[$0]), Float(y.imaginary[$0])] }
        }
        return tensor(results, [x.shape[0], n / 2 + 1, 2])
    }

    func inverseRealFourier(_ x: Tensor, count: Int) -> Tensor {
        let (all, bins) = (values(x).map(Double.init), x.shape[1])
        let results = (0..<x.shape[0]).flatMap { row -> [Float] in
            // The other half of the spectrum mirrors this one.
            let bin = (0..<count).map { Swift.min($0, count - $0) }
            let stands = (0..<count).map { $0 == 0 || 2 * $0 == count }
            let y = transform(
                bin.map { all[2 * (row * bins + $0)] },
                bin.indices.map { k in
                    stands[k]
                        ? 0 : all[2 * (row * bins + bin[k]) + 1] * (bin[k] == k ? 1 : -1)
                }, sign: 1)
            return y.real.map { Float($0) }
        }
        return tensor(results, [x.shape[0], count])
    }

    func overlapAdd(_ x: Tensor, hop: Int, length: Int) -> Tensor {
        let (all, frames, size) = (values(x), x.shape[1], x.shape[2])
        var sums = [Double](repeating: 0, count: x.shape[0] * length)
        for (index, value) in all.enumerated() {
            let (frame, row) = (index / size % frames, index / size / frames)
            sums[row * length + frame * hop + index % size] += Double(value)
        }
        return tensor(sums.map { Float($0) }, [x.shape[0], length])
    }
}
