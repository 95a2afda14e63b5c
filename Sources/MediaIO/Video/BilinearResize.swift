/// The two source pixels of each output pixel along one axis and how far it lies from the first,
/// as torch's `bilinear` without aligned corners: two taps even when reducing.
private struct BilinearTaps {
    var first: [Int] = []
    var second: [Int] = []
    var fraction: [Float] = []

    init(input: Int, output: Int, window: Range<Int>) {
        let ratio = Float(input) / Float(output)
        for index in window {
            let position = max(0, (Float(index) + 0.5) * ratio - 0.5)
            let start = min(Int(position), input - 1)
            first.append(start)
            second.append(min(start + 1, input - 1))
            fraction.append(min(max(position - Float(start), 0), 1))
        }
    }
}

extension RGBImage {
    /// A window of the picture at another size, of values in [0, 1], as planes
    /// `[3, rows, columns]`.
    ///
    /// - Source: torch `interpolate(…, mode="bilinear", align_corners=False)`
    package func resizedBilinear(
        width newWidth: Int, height newHeight: Int, columns: Range<Int>, rows: Range<Int>
    ) -> [Float] {
        let across = BilinearTaps(input: width, output: newWidth, window: columns)
        let down = BilinearTaps(input: height, output: newHeight, window: rows)
        let (area, count) = (rows.count * columns.count, columns.count)
        let unit = (0..<256).map { Float($0) / 255 }
        // Two source rows, scaled across, by channel; those of the row before are used again.
        var lines = [
            [Float](repeating: 0, count: 3 * count), [Float](repeating: 0, count: 3 * count),
        ]
        var held = (-1, -1)
        return [Float](unsafeUninitializedCapacity: 3 * area) { planes, filled in
            for row in 0..<rows.count {
                let (top, bottom, v) = (down.first[row], down.second[row], down.fraction[row])
                if held.0 != top {
                    if held.1 == top {
                        lines.swapAt(0, 1)
                        held = (top, held.0)
                    } else {
                        scaleAcross(top, across, unit, &lines[0])
                        held.0 = top
                    }
                }
                if held.1 != bottom {
                    scaleAcross(bottom, across, unit, &lines[1])
                    held.1 = bottom
                }
                lines[0].withUnsafeBufferPointer { above in
                    lines[1].withUnsafeBufferPointer { below in
                        for channel in 0..<3 {
                            let (source, target) = (channel * count, channel * area + row * count)
                            for column in 0..<count {
                                planes[target + column] =
                                    (1 - v) * above[source + column] + v * below[source + column]
                            }
                        }
                    }
                }
            }
            filled = 3 * area
        }
    }

    /// One source row at the new width: `[3, columns]`.
    private func scaleAcross(
        _ row: Int, _ taps: BilinearTaps, _ unit: [Float], _ line: inout [Float]
    ) {
        let count = taps.first.count
        let base = row * width * 3
        pixels.withUnsafeBufferPointer { pixels in
            unit.withUnsafeBufferPointer { unit in
                line.withUnsafeMutableBufferPointer { line in
                    for column in 0..<count {
                        let left = base + taps.first[column] * 3
                        let right = base + taps.second[column] * 3
                        let u = taps.fraction[column]
                        for channel in 0..<3 {
                            line[channel * count + column] =
                                (1 - u) * unit[Int(pixels[left + channel])]
                                + u * unit[Int(pixels[right + channel])]
                        }
                    }
                }
            }
        }
    }
}
