import SouthGPT
import TensorCore
import TestSupport
import Testing

@Suite struct CheckpointListingTests {
    @Test func findsBrokenNumbers() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a.safetensors"
            try Safetensors.write(
                [
                    (name: "good", value: Tensor([-2, 5])),
                    (name: "bad", value: Tensor([.nan, .infinity, 1])),
                ], to: path)
            let listing = try CheckpointListing(path, scanningValues: true)
            #expect(listing.brokenNumbers == 2)
            #expect(
                listing.lines == [
                    "bad   float32  [3]  1.0   1.0  1 NaN  1 infinite",
                    "good  float32  [2]  -2.0  5.0  0 NaN  0 infinite",
                    "2 tensors, 5 numbers, 20 bytes",
                ])
            #expect(try CheckpointListing(path).brokenNumbers == 0)
        }
    }
}
