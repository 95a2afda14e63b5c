import TensorCore
import TestSupport
import Testing

@Suite struct KVCacheTests {
    private func tokens(_ range: Range<Int>, _ device: Device) -> Tensor {
        // Two heads of three numbers; each token is marked by its place.
        let values = (0..<2).flatMap { head in
            range.flatMap { token in (0..<3).map { Float(token * 10 + head * 1000 + $0) } }
        }
        return Tensor(values, [2, range.count, 3], device: device)
    }

    @Test(arguments: [Device.reference, .cpu]) func returnsAllThatWasAppended(_ device: Device) {
        let cache = KVCache(layers: 2)
        #expect(cache.length == 0 && cache.byteCount == 0)
        var held = 0
        for count in [5, 1, 1, 60, 70, 200] {
            let next = held..<(held + count)
            for layer in 0..<2 {
                let keys = tokens(next, device)
                let (k, v) = cache.append(layer: layer, keys: keys, values: -keys)
                let expected = tokens(0..<next.upperBound, device)
                #expect(k.shape == [2, next.upperBound, 3])
                #expect(k.floats() == expected.floats())
                #expect(v.floats() == (-expected).floats())
            }
            held += count
            #expect(cache.length == held)
        }
    }

    @Test func countsTokensThatEveryLayerHolds() {
        let cache = KVCache(layers: 2)
        _ = cache.append(layer: 0, keys: tokens(0..<4, .cpu), values: tokens(0..<4, .cpu))
        #expect(cache.length == 0)
        _ = cache.append(layer: 1, keys: tokens(0..<4, .cpu), values: tokens(0..<4, .cpu))
        #expect(cache.length == 4)
        // 64 places of two heads of three floats, keys and values, two layers.
        #expect(cache.byteCount == 64 * 2 * 3 * 4 * 2 * 2)
    }

    @Test func takesWhatWasReservedAndNoMore() {
        let cache = KVCache(layers: 1)
        func append(_ range: Range<Int>) -> Int {
            _ = cache.append(layer: 0, keys: tokens(range, .cpu), values: tokens(range, .cpu))
            return cache.byteCount / (2 * 3 * 4 * 2)
        }
        cache.reserve(300)
        #expect(append(0..<100) == 300)
        #expect(append(100..<300) == 300)
        // Without a new reservation by a quarter, with one exactly.
        #expect(append(300..<301) == 375)
        cache.reserve(400)
        #expect(append(301..<376) == 400)
        cache.reserve(10)
        #expect(append(376..<1000) == 1000)
    }

    @Test(arguments: [Device.reference, .cpu]) func forgetsTheEnd(_ device: Device) {
        let cache = KVCache(layers: 1)
        _ = cache.append(layer: 0, keys: tokens(0..<100, device), values: tokens(0..<100, device))
        cache.truncate(to: 200)
        #expect(cache.length == 100)
        cache.truncate(to: 3)
        #expect(cache.length == 3)
        let (k, _) = cache.append(
            layer: 0, keys: tokens(50..<52, device), values: tokens(50..<52, device))
        let expected = Tensor.concatenate(
            [tokens(0..<3, device), tokens(50..<52, device)], axis: 1)
        #expect(k.floats() == expected.floats())
    }

    @Test func keepsTheTypeItWasGiven() {
        let cache = KVCache(layers: 1)
        let half = tokens(0..<2, .cpu).cast(to: .bfloat16)
        let (k, _) = cache.append(layer: 0, keys: half, values: half)
        #expect(k.dtype == .bfloat16 && k.floats() == half.floats())
    }
}
