extension ReferenceBackend {
    func copy(_ x: Tensor) -> Tensor {
        made(x.dtype, x.shape) { target in
            let size = x.dtype.byteCount
            guard let base = x.storage.hostPointer else { return }
            for (index, source) in x.elementOffsets.enumerated() {
                (target + index * size).copyMemory(from: base + source * size, byteCount: size)
            }
        }
    }

    func cast(_ x: Tensor, to dtype: DType) -> Tensor {
        if x.dtype.isBlocked { return decoded(x) }
        guard let base = x.storage.hostPointer else { preconditionFailure("not host memory") }
        let offsets = x.elementOffsets
        return made(dtype, x.shape) { target in
            for (index, offset) in offsets.enumerated() {
                // Integers do not pass through floating point: 64-bit ones keep every digit.
                if let integer = ReferenceBackend.integer(base, offset, x.dtype) {
                    ReferenceBackend.write(integer, to: target, index, dtype)
                } else {
                    let real = ReferenceBackend.real(base, offset, x.dtype)
                    ReferenceBackend.write(real, to: target, index, dtype)
                }
            }
        }
    }

    func fill(_ shape: Shape, _ value: Double, _ dtype: DType) -> Tensor {
        made(dtype, shape) { target in
            for index in 0..<shape.elementCount {
                ReferenceBackend.write(value, to: target, index, dtype)
            }
        }
    }

    func concatenate(_ parts: [Tensor], axis: Int) -> Tensor {
        var shape = parts[0].shape
        shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
        let result = fill(shape, 0, parts[0].dtype)
        var start = 0
        for part in parts {
            store(part, into: result.sliced(axis, start..<(start + part.shape[axis])))
            start += part.shape[axis]
        }
        return result
    }

    func pad(_ x: Tensor, before: [Int], after: [Int], value: Double) -> Tensor {
        let shape = x.shape.indices.map { before[$0] + x.shape[$0] + after[$0] }
        let result = fill(shape, value, x.dtype)
        let middle = x.shape.indices.reduce(result) { view, axis in
            view.sliced(axis, before[axis]..<(before[axis] + x.shape[axis]))
        }
        store(x, into: middle)
        return result
    }

    // MARK: One element of any type

    private static func integer(
        _ base: UnsafeMutableRawPointer, _ index: Int, _ dtype: DType
    ) -> Int64? {
        switch dtype {
        case .int64: base.load(fromByteOffset: index * 8, as: Int64.self)
        case .int32: Int64(base.load(fromByteOffset: index * 4, as: Int32.self))
        case .int16: Int64(base.load(fromByteOffset: index * 2, as: Int16.self))
        case .int8: Int64(base.load(fromByteOffset: index, as: Int8.self))
        case .uint8, .bool: Int64(base.load(fromByteOffset: index, as: UInt8.self))
        default: nil
        }
    }

    private static func real(
        _ base: UnsafeMutableRawPointer, _ index: Int, _ dtype: DType
    ) -> Double {
        switch dtype {
        case .float64: base.load(fromByteOffset: index * 8, as: Double.self)
        case .float32: Double(base.load(fromByteOffset: index * 4, as: Float.self))
        case .bfloat16:
            Double(
                Float(
                    bitPattern: UInt32(base.load(fromByteOffset: index * 2, as: UInt16.self)) << 16)
            )
        default: Double(halfToFloat(base.load(fromByteOffset: index * 2, as: UInt16.self)))
        }
    }

    private static func write(
        _ value: Int64, to target: UnsafeMutableRawPointer, _ index: Int, _ dtype: DType
    ) {
        switch dtype {
        case .int64: target.storeBytes(of: value, toByteOffset: index * 8, as: Int64.self)
        case .int32:
            target.storeBytes(
                of: Int32(truncatingIfNeeded: value), toByteOffset: index * 4, as: Int32.self)
        case .int16:
            target.storeBytes(
                of: Int16(truncatingIfNeeded: value), toByteOffset: index * 2, as: Int16.self)
        case .int8:
            target.storeBytes(
                of: Int8(truncatingIfNeeded: value), toByteOffset: index, as: Int8.self)
        case .uint8:
            target.storeBytes(
                of: UInt8(truncatingIfNeeded: value), toByteOffset: index, as: UInt8.self)
        case .bool:
            target.storeBytes(of: value == 0 ? 0 : 1, toByteOffset: index, as: UInt8.self)
        case .float32:
            target.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
        default: write(Double(value), to: target, index, dtype)
        }
    }

    private static func write(
        _ value: Double, to target: UnsafeMutableRawPointer, _ index: Int, _ dtype: DType
    ) {
        switch dtype {
        case .float64: target.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
        case .float32:
            target.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
        case .bfloat16:
            target.storeBytes(
                of: floatToBFloat16(Float(value)), toByteOffset: index * 2, as: UInt16.self)
        case .float16:
            target.storeBytes(
                of: floatToHalf(Float(value)), toByteOffset: index * 2, as: UInt16.self)
        case .bool:
            target.storeBytes(of: value == 0 ? 0 : 1, toByteOffset: index, as: UInt8.self)
        default:
            // Outside the range, and for NaN, the least integer: what x86 converts to.
            let whole = value.rounded(.towardZero)
            let fits = whole >= -0x1p63 && whole < 0x1p63
            write(fits ? Int64(whole) : Int64.min, to: target, index, dtype)
        }
    }
}

/// IEEE half precision to single, every value exactly.
func halfToFloat(_ half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) << 16
    let exponent = UInt32(half >> 10) & 31
    let fraction = UInt32(half & 1023)
    switch exponent {
    case 31: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
    case 0:
        let magnitude = Float(fraction) * 0x1p-24
        return sign == 0 ? magnitude : -magnitude
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
}

/// Single precision to half, to nearest, ties to even; overflow becomes infinity.
func floatToHalf(_ value: Float) -> UInt16 {
    let sign = UInt16(value.bitPattern >> 16) & 0x8000
    let magnitude = value.magnitude
    if value.isNaN { return sign | 0x7e00 }
    if magnitude >= 65520 { return sign | 0x7c00 }
    // Below the normal range one unit is 2⁻²⁴; above, the fraction keeps ten bits.
    let exponent = max(magnitude == 0 ? -14 : Int(magnitude.exponent), -14)
    let unit = Float(sign: .plus, exponent: exponent - 10, significand: 1)
    let units = UInt16((magnitude / unit).rounded(.toNearestOrEven))
    // A full fraction carries into the exponent by itself.
    return sign | (UInt16(exponent + 14) << 10) &+ units
}

/// Single precision to bfloat16, to nearest, ties to even.
func floatToBFloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
}
