internal import CSouthKernels

// Pillow's bicubic resampling on bytes: separable, horizontal first, each pass rounded to bytes,
// with weights as integers of 22 fractional bits. Reducing widens the kernel (anti-aliasing).
// Pillow 13 goes vertically first for some pictures that shrink, those twice as tall as wide among
// them, which changes bytes by one; the releases that ImageBind was trained with never do.

/// The weighted source pixels of each output pixel along one axis.
private struct ResampleTaps {
    /// First source index, by output.
    var starts: [Int32] = []
    /// `[outputs, taps]`, zeros where an output has fewer.
    var weights: [Int32] = []
    /// A multiple of four, as the kernels take them.
    let taps: Int
    /// The source indices that any of the outputs needs.
    var span: Range<Int>

    /// Taps of the outputs in `window` when `input` pixels become `output`.
    init(input: Int, output: Int, window: Range<Int>) {
        let scale = Double(input) / Double(output)
        let widening = max(scale, 1)
        let support = 2 * widening
        var ranges: [Range<Int>] = []
        for index in window {
            let center = (Double(index) + 0.5) * scale
            let start = max(0, Int(center - support + 0.5))
            ranges.append(start..<min(input, Int(center + support + 0.5)))
        }
        let most = ranges.map(\.count).max() ?? 0
        taps = (most + 3) / 4 * 4
        span = (ranges.first?.lowerBound ?? 0)..<(ranges.last?.upperBound ?? 0)
        starts = ranges.map { Int32($0.lowerBound) }
        weights = [Int32](repeating: 0, count: ranges.count * taps)
        var raw = [Double](repeating: 0, count: most)
        for (row, range) in ranges.enumerated() {
            let center = (Double(window.lowerBound + row) + 0.5) * scale
            var total = 0.0
            for (tap, source) in range.enumerated() {
                raw[tap] = ResampleTaps.cubic((Double(source) - center + 0.5) * (1 / widening))
                total += raw[tap]
            }
            for tap in 0..<range.count {
                let fixed = (total == 0 ? raw[tap] : raw[tap] / total) * 4_194_304
                weights[row * taps + tap] = Int32(fixed + (fixed < 0 ? -0.5 : 0.5))
            }
        }
    }

    /// Keys' kernel with A = −½.
    private static func cubic(_ x: Double) -> Double {
        let (t, a) = (abs(x), -0.5)
        if t < 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
        if t < 2 { return (((t - 5) * t + 8) * t - 4) * a }
        return 0
    }
}

extension RGBImage {
    /// The picture at another size, as Pillow's `resize(…, BICUBIC)`, bit for bit.
    ///
    /// - Parameter window: the columns and rows of the result that are wanted; only they, and what
    ///   they are made of, are computed. All by default.
    /// - Source: Pillow, `Resample.c`
    public func resizedBicubic(
        width newWidth: Int, height newHeight: Int,
        window: (columns: Range<Int>, rows: Range<Int>)? = nil
    ) -> RGBImage {
        let (columns, rows) = window ?? (0..<newWidth, 0..<newHeight)
        precondition(
            columns.lowerBound >= 0 && columns.upperBound <= newWidth && !columns.isEmpty
                && rows.lowerBound >= 0 && rows.upperBound <= newHeight && !rows.isEmpty,
            "resizedBicubic: \(columns), \(rows) of \(newWidth) × \(newHeight)")
        let down = ResampleTaps(input: height, output: newHeight, window: rows)
        let needed = newHeight == height ? rows : down.span
        var result: [UInt8]
        if newWidth == width {
            result = part(columns: columns, rows: needed)
        } else {
            let across = ResampleTaps(input: width, output: newWidth, window: columns)
            result = resampledAcross(across, rows: needed)
        }
        if newHeight != height {
            result = RGBImage.resampledDown(
                result, width: columns.count, firstRow: needed.lowerBound, down)
        }
        return RGBImage(width: columns.count, height: rows.count, pixels: result)
    }

    /// `[rows, columns, 3]`.
    private func part(columns: Range<Int>, rows: Range<Int>) -> [UInt8] {
        if columns == 0..<width {
            return Array(pixels[(rows.lowerBound * width * 3)..<(rows.upperBound * width * 3)])
        }
        var result: [UInt8] = []
        result.reserveCapacity(rows.count * columns.count * 3)
        for row in rows {
            let start = row * width
            result +=
                pixels[
                    ((start + columns.lowerBound) * 3)..<((start + columns.upperBound) * 3)]
        }
        return result
    }

    /// `[rows, outputs, 3]`.
    private func resampledAcross(_ taps: ResampleTaps, rows: Range<Int>) -> [UInt8] {
        let total = rows.count * taps.starts.count * 3
        return [UInt8](unsafeUninitializedCapacity: total) { result, count in
            pixels.withUnsafeBufferPointer { pixels in
                guard let start = pixels.baseAddress else { return }
                south_resample_pixels_across(
                    rows.count, width, start + rows.lowerBound * width * 3, taps.starts.count,
                    taps.taps, taps.starts, taps.weights, result.baseAddress)
            }
            count = total
        }
    }

    /// `[outputs, width, 3]` of rows that begin at `firstRow` of the picture.
    private static func resampledDown(
        _ pixels: [UInt8], width: Int, firstRow: Int, _ taps: ResampleTaps
    ) -> [UInt8] {
        let total = taps.starts.count * width * 3
        let starts = taps.starts.map { $0 - Int32(firstRow) }
        return [UInt8](unsafeUninitializedCapacity: total) { result, count in
            south_resample_pixels_down(
                pixels.count / (width * 3), width, pixels, starts.count, taps.taps, starts,
                taps.weights, result.baseAddress)
            count = total
        }
    }
}
