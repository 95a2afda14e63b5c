internal import Glibc

/// Power spectra of real frames whose length is a power of two.
struct PowerSpectrum {
    let size: Int
    private let cosines: [Double]
    private let sines: [Double]

    init(size: Int) {
        precondition(size >= 2 && size & (size - 1) == 0, "PowerSpectrum: size \(size)")
        self.size = size
        let angles = (0..<(size / 2)).map { -2 * Double.pi * Double($0) / Double(size) }
        cosines = angles.map { cos($0) }
        sines = angles.map { sin($0) }
    }

    /// |X|² of the bins 0…size/2 of a frame of `size` samples: two real halves as one complex
    /// transform of half the size, then taken apart.
    func callAsFunction(_ frame: [Double]) -> [Double] {
        let half = size / 2
        var real = (0..<half).map { frame[2 * $0] }
        var imaginary = (0..<half).map { frame[2 * $0 + 1] }
        transform(&real, &imaginary)
        var power = [Double](repeating: 0, count: half + 1)
        power[0] = (real[0] + imaginary[0]) * (real[0] + imaginary[0])
        power[half] = (real[0] - imaginary[0]) * (real[0] - imaginary[0])
        for bin in 1..<max(half, 1) {
            let mirror = half - bin
            let even = (
                (real[bin] + real[mirror]) / 2, (imaginary[bin] - imaginary[mirror]) / 2
            )
            let odd = ((imaginary[bin] + imaginary[mirror]) / 2, (real[mirror] - real[bin]) / 2)
            let (c, s) = (cosines[bin], sines[bin])
            let x = even.0 + c * odd.0 - s * odd.1
            let y = even.1 + c * odd.1 + s * odd.0
            power[bin] = x * x + y * y
        }
        return power
    }

    /// In place, radix 2, decimation in time.
    private func transform(_ real: inout [Double], _ imaginary: inout [Double]) {
        let count = real.count
        var mirrored = 0
        for index in 1..<max(count, 1) {
            var bit = count >> 1
            while mirrored & bit != 0 {
                mirrored ^= bit
                bit >>= 1
            }
            mirrored |= bit
            if index < mirrored {
                real.swapAt(index, mirrored)
                imaginary.swapAt(index, mirrored)
            }
        }
        var span = 1
        while span < count {
            let step = size / (2 * span)
            for start in stride(from: 0, to: count, by: 2 * span) {
                for offset in 0..<span {
                    let (a, b) = (start + offset, start + offset + span)
                    let (c, s) = (cosines[offset * step], sines[offset * step])
                    let x = c * real[b] - s * imaginary[b]
                    let y = c * imaginary[b] + s * real[b]
                    (real[b], imaginary[b]) = (real[a] - x, imaginary[a] - y)
                    (real[a], imaginary[a]) = (real[a] + x, imaginary[a] + y)
                }
            }
            span *= 2
        }
    }
}
