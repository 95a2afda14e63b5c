import TensorCore
import TestSupport
import Testing

@Suite struct UnpicklerTests {
    /// `{"w": a tensor over storage "0" of 4 floats}`, in protocol 2.
    static func oneTensor(
        offset: Int = 0, shape: [Int] = [2, 2], strides: [Int] = [2, 1], count: Int = 4
    ) -> [UInt8] {
        func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + bytes(Int64(value)) }
        func text(_ text: String) -> [UInt8] {
            [0x58] + bytes(UInt32(text.utf8.count)) + Array(text.utf8)
        }
        func tuple(_ values: [Int]) -> [UInt8] { [0x28] + values.flatMap(integer) + [0x74] }
        var pickle: [UInt8] = [0x80, 2, 0x7D] + text("w")
        pickle += Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8)
        pickle += text("storage") + Array("ctorch\nFloatStorage\n".utf8)
        pickle += text("0") + text("cpu") + integer(count) + Array("tQ".utf8)
        pickle += integer(offset) + tuple(shape) + tuple(strides)
        return pickle + [0x89] + Array("}tRs.".utf8)
    }

    private func open(_ pickle: [UInt8], storage count: Int = 16) throws -> [String: Tensor] {
        try opened(
            zip([
                ("a/data.pkl", pickle), ("a/data/0", (0..<count).map { UInt8($0) }),
            ]))
    }

    private func text(_ pickle: String) -> [UInt8] { Array(pickle.utf8) }

    @Test func buildsATensor() throws {
        let tensor = try #require(try open(UnpicklerTests.oneTensor())["w"])
        #expect(tensor.shape == [2, 2])
        #expect(
            tensor.floats().map(\.bitPattern) == [
                0x0302_0100, 0x0706_0504, 0x0B0A_0908, 0x0F0E_0D0C,
            ])
    }

    @Test func runsNothing() {
        // What `pickle.dumps` makes of an object whose reduction is os.system("…").
        #expect(throws: CheckpointError.forbiddenPickle(file: "weights", name: "posix.system")) {
            try open(text("cposix\nsystem\n(S'touch /x'\ntR."))
        }
        #expect(throws: CheckpointError.forbiddenPickle(file: "weights", name: "os.system")) {
            try open([0x80, 4, 0x8C, 2] + text("os") + [0x8C, 6] + text("system") + [0x93, 0x2E])
        }
        #expect(
            throws: CheckpointError.forbiddenPickle(file: "weights", name: "builtins.eval")
        ) { try open(text("cbuiltins\neval\n.")) }
        #expect(
            throws: CheckpointError.forbiddenPickle(file: "weights", name: "torch.load")
        ) { try open(text("ctorch\nload\n.")) }
    }

    @Test func saysWhatItRefused() throws {
        let error = #expect(throws: CheckpointError.self) {
            try open(text("cos\nsystem\n."))
        }
        #expect(
            error?.description
                == "weights: the pickle asks for 'os.system', which is not a tensor; nothing was "
                + "run. Take the file only from a source you trust, as safetensors.")
    }

    @Test func keepsTensorsWithinTheirStorage() {
        let bad: [(Int, [Int], [Int])] = [
            (1, [2, 2], [2, 1]), (0, [2, 3], [2, 1]), (-1, [1], [1]), (0, [2], [-1]),
            (0, [-2], [1]), (Int.max, [2], [1]), (0, [3], [Int.max / 2]),
            (0, [1 << 62, 4], [0, 0]), (0, [1 << 50], [0]), (0, [2], [1, 1]),
        ]
        for (offset, shape, strides) in bad {
            let pickle = UnpicklerTests.oneTensor(offset: offset, shape: shape, strides: strides)
            let error = #expect(throws: CheckpointError.self) { try open(pickle) }
            #expect(error?.description.contains("not a sound checkpoint") == true)
        }
    }

    @Test func takesWhatIsEmptyAsDense() throws {
        for (offset, strides) in [(0, [Int.max, Int.max]), (Int.max, [1, 1])] {
            let pickle = UnpicklerTests.oneTensor(offset: offset, shape: [0, 3], strides: strides)
            let tensor = try #require(try open(pickle)["w"])
            #expect(tensor.shape == [0, 3] && tensor.strides == [3, 1] && tensor.floats().isEmpty)
        }
        let pickle = UnpicklerTests.oneTensor(
            shape: [0, 1 << 40, 1 << 40], strides: [1, 1, 1])
        #expect(throws: CheckpointError.self) { try open(pickle) }
    }

    @Test func repeatsNoMoreThanAFewTimesTheFile() throws {
        let few = UnpicklerTests.oneTensor(shape: [1 << 20], strides: [0])
        #expect(try open(few)["w"]?.shape == [1 << 20])
        // A tebibyte over four.
        let many = UnpicklerTests.oneTensor(shape: [1 << 38], strides: [0])
        let error = #expect(throws: CheckpointError.self) { try open(many) }
        #expect(
            error?.description.contains(
                "weights: not a sound checkpoint: with 'w' its tensors take more than")
                == true)
        let deep = UnpicklerTests.oneTensor(
            shape: [Int](repeating: 1, count: 9), strides: [Int](repeating: 1, count: 9))
        let tooDeep = #expect(throws: CheckpointError.self) { try open(deep) }
        #expect(tooDeep?.description.contains("of 9 axes, at most 8 are allowed") == true)
    }

    @Test func buildsNoMoreThanItStates() {
        // One list of pairs, named again and again: each name makes a map of all of it.
        let pairs = (0..<20_000).flatMap { _ in [0x4B, 1, 0x4B, 2, 0x86] as [UInt8] }
        let list = [0x80, 2, 0x5D, 0x71, 0, 0x28] + pairs + [0x65, 0x30]
        let types = [("collections", "OrderedDict"), ("torch", "Size")]
        for (module, name) in types {
            let type = text("c\(module)\n\(name)\n") + [0x71, 1, 0x30]
            let calls = (0..<20_000).flatMap { _ in
                [0x68, 1, 0x68, 0, 0x85, 0x52, 0x30] as [UInt8]
            }
            let error = #expect(throws: CheckpointError.self) {
                try open(list + type + calls + [0x4E, 0x2E])
            }
            #expect(error?.description.contains("copies more values than it has") == true)
        }
        let long = [0x58] + bytes(UInt32(300)) + [UInt8](repeating: 0x61, count: 300)
        let storage =
            [0x80, 2, 0x28] + text("Vstorage\nctorch\nFloatStorage\n") + long
            + text("Vcpu\nK\u{4}tQ.")
        #expect(throws: CheckpointError.self) { try open(storage) }
    }

    @Test func refusesWhatDoesNotParse() {
        let broken: [[UInt8]] = [
            [], [0x2E], [0x80, 9, 0x2E], [0x80, 2], [0x74, 0x2E], [0x52, 0x2E], [0x68, 7, 0x2E],
            [0xFF], [0x58, 0xFF, 0xFF, 0xFF, 0xFF], [0x8D] + bytes(UInt64.max),
            [0x54] + bytes(Int32(-1)), [0x8B] + bytes(Int32(-5)), [0x4E, 0x4E, 0x61, 0x2E],
            [0x7D, 0x28, 0x4E, 0x75, 0x2E], [0x4E, 0x51, 0x2E], text("I1"), text("P0\n."),
            // Nothing in it, or no tensor in it.
            [0x80, 2, 0x7D, 0x2E], [0x4E, 0x2E],
        ]
        for pickle in broken {
            #expect(throws: CheckpointError.self, "\(pickle)") { try open(pickle) }
        }
    }

    @Test func boundsItsNesting() {
        // Tuples in tuples, marks without end, and a list that holds itself.
        let nested = [0x29] + [UInt8](repeating: 0x85, count: 200_000) + [0x2E]
        let marks = [UInt8](repeating: 0x28, count: 2_000_000)
        let itself: [UInt8] = [0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E]
        let lists =
            (0..<100_000).flatMap { _ in [0x5D] as [UInt8] }
            + [UInt8](repeating: 0x61, count: 99_999) + [0x2E]
        for pickle in [nested, marks, itself, lists] {
            #expect(throws: CheckpointError.self) { try open(pickle) }
        }
    }

    @Test func refusesAWholeModule() {
        let pickle = text("((S'module'\ncollections\nOrderedDict\nS'a.py'\nS'class A'\ntQ.")
            .map { $0 == UInt8(ascii: "S") ? UInt8(ascii: "V") : $0 }
        #expect(throws: CheckpointError.self) { try open(pickle) }
    }
}
