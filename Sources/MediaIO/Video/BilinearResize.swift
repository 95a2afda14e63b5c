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
        var planes = [Float](repeating: 0, count: 3 * rows.count * columns.count)
        pixels.withUnsafeBufferPointer { pixels in
            for channel in 0..<3 {
                func value(_ row: Int, _ column: Int) -> Float {
                    Float(pixels[(row * width + column) * 3 + channel]) / 255
                }
                for row in 0..<rows.count {
                    let (top, bottom, v) = (down.first[row], down.second[row], down.fraction[row])
                    let target = (channel * rows.count + row) * columns.count
                    for column in 0..<columns.count {
                        let (left, right) = (across.first[column], across.second[column])
                        let u = across.fraction[column]
                        let above = (1 - u) * value(top, left) + u * value(top, right)
                        let below = (1 - u) * value(bottom, left) + u * value(bottom, right)
                        planes[target + column] = (1 - v) * above + v * below
                    }
                }
            }
        }
        return planes
    }
}
