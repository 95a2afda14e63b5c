// Pillow's bicubic resampling on bytes: separable, horizontal first, each pass rounded to bytes,
// with weights as integers of 22 fractional bits. Reducing widens the kernel (anti-aliasing).
// Pillow 13 goes vertically first for some pictures that shrink, those twice as tall as wide among
// them, which changes bytes by one; the releases that ImageBind was trained with never do.

/// The weighted source pixels of each output pixel along one axis.
private struct ResampleTaps {
    /// First source index, by output.
    var starts: [Int] = []
    /// Where an output's weights begin in `weights`; one more than there are outputs.
    var offsets: [Int] = [0]
    var weights: [Int32] = []

    /// Taps of the outputs in `window` when `input` pixels become `output`.
    init(input: Int, output: Int, window: Range<Int>) {
        let scale = Double(input) / Double(output)
        let widening = max(scale, 1)
        let support = 2 * widening
        for index in window {
            let center = (Double(index) + 0.5) * scale
            let start = max(0, Int(center - support + 0.5))
            let end = min(input, Int(center + support + 0.5))
            let raw = (start..<end).map {
                ResampleTaps.cubic((Double($0) - center + 0.5) * (1 / widening))
            }
            let total = raw.reduce(0, +)
            for weight in raw {
                let fixed = (total == 0 ? weight : weight / total) * 4_194_304
                weights.append(Int32(fixed + (fixed < 0 ? -0.5 : 0.5)))
            }
            starts.append(start)
            offsets.append(weights.count)
        }
    }

    /// Keys' kernel with A = −½.
    private static func cubic(_ x: Double) -> Double {
        let (t, a) = (abs(x), -0.5)
        if t < 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
        if t < 2 { return (((t - 5) * t + 8) * t - 4) * a }
        return 0
    }

    /// The source indices that any of the outputs needs.
    var span: Range<Int> {
        let ends = starts.indices.map { starts[$0] + offsets[$0 + 1] - offsets[$0] }
        return (starts.min() ?? 0)..<(ends.max() ?? 0)
    }
}

private func byte(_ sum: Int32) -> UInt8 {
    UInt8(clamping: (sum &+ (1 << 21)) >> 22)
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
            result = needed.flatMap {
                pixels[
                    (($0 * width + columns.lowerBound) * 3)..<(($0 * width + columns.upperBound) * 3)
                ]
            }
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

    /// `[rows, outputs, 3]`.
    private func resampledAcross(_ taps: ResampleTaps, rows: Range<Int>) -> [UInt8] {
        let outputs = taps.starts.count
        let total = rows.count * outputs * 3
        return [UInt8](unsafeUninitializedCapacity: total) { result, count in
            pixels.withUnsafeBufferPointer { pixels in
                taps.weights.withUnsafeBufferPointer { weights in
                    var target = 0
                    for row in rows {
                        for output in 0..<outputs {
                            var (red, green, blue): (Int32, Int32, Int32) = (0, 0, 0)
                            var source = (row * width + taps.starts[output]) * 3
                            for tap in taps.offsets[output]..<taps.offsets[output + 1] {
                                let weight = weights[tap]
                                red &+= weight &* Int32(pixels[source])
                                green &+= weight &* Int32(pixels[source + 1])
                                blue &+= weight &* Int32(pixels[source + 2])
                                source += 3
                            }
                            result[target] = byte(red)
                            result[target + 1] = byte(green)
                            result[target + 2] = byte(blue)
                            target += 3
                        }
                    }
                }
            }
            count = total
        }
    }

    /// `[outputs, width, 3]` of rows that begin at `firstRow` of the picture.
    private static func resampledDown(
        _ pixels: [UInt8], width: Int, firstRow: Int, _ taps: ResampleTaps
    ) -> [UInt8] {
        let stride = width * 3
        let total = taps.starts.count * stride
        var sums = [Int32](repeating: 0, count: stride)
        return [UInt8](unsafeUninitializedCapacity: total) { result, count in
            pixels.withUnsafeBufferPointer { pixels in
                sums.withUnsafeMutableBufferPointer { sums in
                    for (output, start) in taps.starts.enumerated() {
                        sums.update(repeating: 0)
                        var source = (start - firstRow) * stride
                        for tap in taps.offsets[output]..<taps.offsets[output + 1] {
                            let weight = taps.weights[tap]
                            for index in 0..<stride {
                                sums[index] &+= weight &* Int32(pixels[source + index])
                            }
                            source += stride
                        }
                        for index in 0..<stride {
                            result[output * stride + index] = byte(sums[index])
                        }
                    }
                }
            }
            count = total
        }
    }
}
