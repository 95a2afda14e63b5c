/// Which way up pictures and clips are taken.
public enum MediaOrientation: String, Codable, Sendable {
    /// As their pixels are stored, which is how the original models were trained.
    case stored
    /// As the file says they are to be shown: its EXIF orientation or display matrix is applied.
    case shown
}

/// How a stored picture is turned to be shown; raw values as in EXIF.
enum Turn: Int {
    case none = 1
    case mirrored = 2
    case halfway = 3
    case mirroredUpsideDown = 4
    case transposed = 5
    case clockwise = 6
    case transposedAcross = 7
    case counterclockwise = 8

    /// Whether rows become columns.
    var swapsSides: Bool { rawValue >= 5 }

    /// The turn that a container's display matrix asks for, the nearest of the eight.
    ///
    /// - Parameter matrix: nine fixed-point numbers; a pixel `(x, y)` is shown at
    ///   `(a·x + c·y, b·x + d·y)` with a, b, c, d its elements 0, 1, 3 and 4
    init(displayMatrix matrix: some RandomAccessCollection<Int32>) {
        let elements = matrix.map(Int64.init)
        guard elements.count == 9 else {
            self = .none
            return
        }
        let (a, b, c, d) = (elements[0], elements[1], elements[3], elements[4])
        if abs(a) + abs(d) >= abs(b) + abs(c) {
            self =
                a >= 0
                ? (d >= 0 ? .none : .mirroredUpsideDown) : (d >= 0 ? .mirrored : .halfway)
        } else {
            self =
                b >= 0
                ? (c >= 0 ? .transposed : .clockwise)
                : (c >= 0 ? .counterclockwise : .transposedAcross)
        }
    }
}

extension RGBImage {
    /// The picture as it is to be shown.
    func turned(_ turn: Turn) -> RGBImage {
        if turn == .none { return self }
        let (width, height) = (self.width, self.height)
        // Where the first pixel shown is stored, and how far on the next in a row and the next row
        // are, in pixels.
        let last = width * height - 1
        let (start, across, down) =
            switch turn {
            case .none: (0, 1, width)
            case .mirrored: (width - 1, -1, width)
            case .halfway: (last, -1, -width)
            case .mirroredUpsideDown: (last - (width - 1), 1, -width)
            case .transposed: (0, width, 1)
            case .clockwise: (last - (width - 1), -width, 1)
            case .transposedAcross: (last, -width, -1)
            case .counterclockwise: (width - 1, width, -1)
            }
        let (newWidth, newHeight) = turn.swapsSides ? (height, width) : (width, height)
        let result = [UInt8](unsafeUninitializedCapacity: pixels.count) { result, count in
            pixels.withUnsafeBufferPointer { pixels in
                var target = 0
                for row in 0..<newHeight {
                    var source = start + row * down
                    for _ in 0..<newWidth {
                        result[target] = pixels[source * 3]
                        result[target + 1] = pixels[source * 3 + 1]
                        result[target + 2] = pixels[source * 3 + 2]
                        target += 3
                        source += across
                    }
                }
            }
            count = pixels.count
        }
        return RGBImage(width: newWidth, height: newHeight, pixels: result)
    }
}
