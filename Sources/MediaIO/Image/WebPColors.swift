internal import CSouthFFmpeg

extension RGBImage {
    /// A lossy WebP's planes of 4:2:0 as RGB, with the colours interpolated and in the fixed-point
    /// numbers of WebP's own library, so that the bytes are those of Pillow.
    ///
    /// - Source: libwebp, `upsampling.c` and `yuv.h`
    init?(webP frame: UnsafeMutablePointer<AVFrame>) {
        let (width, height) = (Int(frame.pointee.width), Int(frame.pointee.height))
        guard width > 0, height > 0, let luma = frame.pointee.data.0,
            let blue = frame.pointee.data.1, let red = frame.pointee.data.2
        else { return nil }
        let strides = frame.pointee.linesize
        let (lastColumn, lastRow) = ((width - 1) / 2, (height - 1) / 2)
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { pixels, count in
            for y in 0..<height {
                let near = y / 2
                let other = min(max(near + (y.isMultiple(of: 2) ? -1 : 1), 0), lastRow)
                /// Nine parts the nearest sample, three each neighbour, one the diagonal one.
                func color(_ plane: UnsafePointer<UInt8>, _ stride: Int32, _ x: Int) -> Int {
                    let here = plane + near * Int(stride)
                    let there = plane + other * Int(stride)
                    let column = x / 2
                    let beside = min(max(column + (x.isMultiple(of: 2) ? -1 : 1), 0), lastColumn)
                    return
                        (9 * Int(here[column]) + 3 * Int(here[beside]) + 3 * Int(there[column])
                        + Int(there[beside]) + 8) >> 4
                }
                for x in 0..<width {
                    let light = (Int(luma[y * Int(strides.0) + x]) * 19_077) >> 8
                    let (u, v) = (color(blue, strides.1, x), color(red, strides.2, x))
                    let target = (y * width + x) * 3
                    pixels[target] = RGBImage.webPByte(light + (v * 26_149) >> 8 - 14_234)
                    pixels[target + 1] = RGBImage.webPByte(
                        light - (u * 6_419) >> 8 - (v * 13_320) >> 8 + 8_708)
                    pixels[target + 2] = RGBImage.webPByte(light + (u * 33_050) >> 8 - 17_685)
                }
            }
            count = width * height * 3
        }
        self.init(width: width, height: height, pixels: pixels)
    }

    /// A number of six fractional bits.
    private static func webPByte(_ value: Int) -> UInt8 { UInt8(clamping: value >> 6) }
}
