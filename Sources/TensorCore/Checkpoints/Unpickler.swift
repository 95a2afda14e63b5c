/// Reads one pickle, knowing only the opcodes and names that tensors need.
///
/// Nothing is imported and nothing called: a name outside of the allow-list ends the reading.
/// Source: torch 2.13 `_weights_only_unpickler.py`, Python's `pickletools`.
struct Unpickler {
    private var cursor: ByteCursor
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    /// All containers, so that their references can be cut however they are entangled.
    private var lists: [PickleList] = []
    private var maps: [PickleMap] = []
    /// All storages that were referred to, by key.
    private var storages: [String: PickleStorage] = [:]
    private var position: Int { cursor.position }
    /// Values that may yet be copied from one container to another: a pickle may name the same
    /// container any number of times, at a few bytes each.
    private var copiesLeft: Int

    private static let deepestStack = 1 << 20
    private static let largestMemo = 1 << 23
    private static let deepestTuple = 64
    private static let mostContainers = 1 << 22
    private static let mostCopies = 1 << 24
    private static let longestKey = 256

    /// Reads the pickle at the cursor, leaves the cursor behind it, and gives its value and the
    /// storages it mentions to `body`.
    ///
    /// - Throws: `CheckpointError.malformed`, `.forbiddenPickle`, and what `body` throws
    static func read<Result>(
        _ cursor: inout ByteCursor,
        _ body: (PickleValue, _ storages: [String: PickleStorage]) throws -> Result
    ) throws -> Result {
        var unpickler = Unpickler(cursor: cursor)
        defer {
            cursor = unpickler.cursor
            for list in unpickler.lists { list.values = [] }
            for map in unpickler.maps { map.entries = [] }
        }
        let value = try unpickler.run()
        return try body(value, unpickler.storages)
    }

    private init(cursor: ByteCursor) {
        self.cursor = cursor
        // What is stated once and copied once takes at least a byte each.
        copiesLeft = min(cursor.remaining, Unpickler.mostCopies)
    }

    private func malformed(_ rule: String) -> CheckpointError {
        cursor.malformed("the pickle, at byte \(position), \(rule)")
    }

    // MARK: The stack

    private mutating func push(_ value: PickleValue) throws {
        guard stack.count < Unpickler.deepestStack else { throw malformed("piles up too much") }
        stack.append(value)
    }

    private mutating func pop() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw malformed("takes from an empty stack")
        }
        return value
    }

    private func top() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.last else {
            throw malformed("takes from an empty stack")
        }
        return value
    }

    private mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw malformed("lacks a mark") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private mutating func remember(_ index: Int) throws {
        guard index >= 0, memo.count < Unpickler.largestMemo else {
            throw malformed("remembers too much")
        }
        memo[index] = try top()
    }

    private func recall(_ index: Int) throws -> PickleValue {
        guard let value = memo[index] else { throw malformed("recalls what it never kept") }
        return value
    }

    private func tuple(_ values: [PickleValue]) throws -> PickleValue {
        let depth = 1 + (values.map(\.depth).max() ?? 0)
        guard depth <= Unpickler.deepestTuple else { throw malformed("nests too deeply") }
        return .tuple(values, depth: depth)
    }

    private func checkContainers() throws {
        guard lists.count + maps.count < Unpickler.mostContainers else {
            throw malformed("makes too many lists and maps")
        }
    }

    private mutating func countCopies(_ count: Int) throws {
        copiesLeft -= count
        guard copiesLeft >= 0 else { throw malformed("copies more values than it has") }
    }

    private mutating func list(_ values: [PickleValue]) throws -> PickleValue {
        try checkContainers()
        let list = PickleList()
        list.values = values
        lists.append(list)
        return .list(list)
    }

    private mutating func map(_ pairs: [PickleValue]) throws -> PickleValue {
        try checkContainers()
        let map = PickleMap()
        maps.append(map)
        try set(pairs, in: .map(map))
        return .map(map)
    }

    private func append(_ values: [PickleValue], to target: PickleValue) throws {
        switch target {
        case .list(let list): list.values += values
        case .opaque: break
        default: throw malformed("appends to what is no list")
        }
    }

    private func set(_ pairs: [PickleValue], in target: PickleValue) throws {
        guard pairs.count.isMultiple(of: 2) else { throw malformed("has a key without a value") }
        switch target {
        case .map(let map):
            for index in stride(from: 0, to: pairs.count, by: 2) {
                map.entries.append((pairs[index], pairs[index + 1]))
            }
        case .opaque: break
        default: throw malformed("sets keys of what is no map")
        }
    }

    // MARK: The machine

    private mutating func run() throws -> PickleValue {
        while true {
            let opcode = try cursor.read(UInt8.self)
            if opcode == 0x2E { return try pop() }
            if try structure(opcode) { continue }
            if let value = try constant(opcode) {
                try push(value)
            } else {
                throw malformed("uses the opcode 0x\(String(opcode, radix: 16))")
            }
        }
    }

    /// Carries out an opcode that moves values about; false where it is none of those.
    private mutating func structure(_ opcode: UInt8) throws -> Bool {
        switch opcode {
        case 0x80:
            let version = try cursor.read(UInt8.self)
            guard version <= 5 else { throw malformed("has protocol \(version)") }
        case 0x95: try cursor.skip(8)
        case 0x28:
            guard marks.count < Unpickler.deepestStack else { throw malformed("piles up too much") }
            marks.append(stack.count)
        case 0x30:
            if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
        case 0x31: _ = try popToMark()
        case 0x32: try push(try top())
        case 0x74: try push(try tuple(try popToMark()))
        case 0x85, 0x86, 0x87:
            var values: [PickleValue] = []
            for _ in 0..<(opcode - 0x84) { values.insert(try pop(), at: 0) }
            try push(try tuple(values))
        case 0x6C: try push(try list(try popToMark()))
        case 0x61:
            let value = try pop()
            try append([value], to: try top())
        case 0x65:
            let values = try popToMark()
            try append(values, to: try top())
        case 0x64: try push(try map(try popToMark()))
        case 0x73:
            let value = try pop()
            let key = try pop()
            try set([key, value], in: try top())
        case 0x75:
            let pairs = try popToMark()
            try set(pairs, in: try top())
        case 0x90: _ = try popToMark()
        case 0x71: try remember(Int(try cursor.read(UInt8.self)))
        case 0x72: try remember(Int(try cursor.read(UInt32.self)))
        case 0x94: try remember(memo.count)
        case 0x70: try remember(try decimal())
        case 0x68: try push(try recall(Int(try cursor.read(UInt8.self))))
        case 0x6A: try push(try recall(Int(try cursor.read(UInt32.self))))
        case 0x67: try push(try recall(try decimal()))
        case 0x63: try push(try global(module: try cursor.line(), name: try cursor.line()))
        case 0x93:
            guard let name = try pop().text, let module = try pop().text else {
                throw malformed("names something by what is no text")
            }
            try push(try global(module: module, name: name))
        case 0x52, 0x81:
            let arguments = try pop()
            try push(try build(try pop(), arguments))
        case 0x62:
            // The state of a map, parameter or placeholder: nothing that a tensor depends on.
            _ = try pop()
            _ = try top()
        case 0x51: try push(try persistent(try pop()))
        case 0x50: throw malformed("refers to a storage as files before 2017 did")
        default: return false
        }
        return true
    }

    private mutating func decimal() throws -> Int {
        guard let value = Int(try cursor.line()) else { throw malformed("has a bad number") }
        return value
    }

    /// The value that an opcode states, or nil where it states none.
    private mutating func constant(_ opcode: UInt8) throws -> PickleValue? {
        switch opcode {
        case 0x4E: return PickleValue.none
        case 0x88: return .bool(true)
        case 0x89: return .bool(false)
        case 0x4A: return .integer(Int(try cursor.read(Int32.self)))
        case 0x4B: return .integer(Int(try cursor.read(UInt8.self)))
        case 0x4D: return .integer(Int(try cursor.read(UInt16.self)))
        case 0x8A: return long(try cursor.take(Int(try cursor.read(UInt8.self))))
        case 0x8B: return long(try cursor.take(Int(try cursor.read(Int32.self))))
        case 0x49:
            let line = try cursor.line()
            if line == "00" || line == "01" { return .bool(line == "01") }
            return Int(line).map { .integer($0) } ?? .opaque
        case 0x4C:
            let line = try cursor.line()
            return Int(line.hasSuffix("L") ? String(line.dropLast()) : line).map { .integer($0) }
                ?? .opaque
        case 0x47:
            return .real(Double(bitPattern: UInt64(bigEndian: try cursor.read(UInt64.self))))
        case 0x46: return Double(try cursor.line()).map { .real($0) } ?? .opaque
        case 0x58: return .text(try cursor.text(Int(try cursor.read(UInt32.self))))
        case 0x8C, 0x55: return .text(try cursor.text(Int(try cursor.read(UInt8.self))))
        case 0x8D: return .text(try cursor.text(try cursor.readSize()))
        case 0x54: return .text(try cursor.text(Int(try cursor.read(Int32.self))))
        case 0x56: return .text(try cursor.line())
        case 0x42:
            try cursor.skip(Int(try cursor.read(UInt32.self)))
            return .bytes
        case 0x43:
            try cursor.skip(Int(try cursor.read(UInt8.self)))
            return .bytes
        case 0x29: return try tuple([])
        case 0x5D: return try list([])
        case 0x7D: return try map([])
        case 0x8F: return .opaque
        default: return nil
        }
    }

    /// A whole number of any length; those beyond 64 bits are no size of anything.
    private func long(_ bytes: UnsafeRawBufferPointer) -> PickleValue {
        guard bytes.count <= 8 else { return .opaque }
        let negative = (bytes.last ?? 0) >= 0x80
        var value: UInt64 = negative ? .max : 0
        for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
        return .integer(Int(Int64(bitPattern: value)))
    }

    // MARK: Names

    private func global(module: String, name: String) throws -> PickleValue {
        guard let value = PickleGlobal.value(module: module, name: name) else {
            throw CheckpointError.forbiddenPickle(file: cursor.file.path, name: "\(module).\(name)")
        }
        return value
    }

    /// What an allowed name makes of arguments.
    private mutating func build(_ type: PickleValue, _ arguments: PickleValue) throws
        -> PickleValue
    {
        guard case .type(let global) = type, let values = arguments.elements else {
            throw malformed("calls what is no type")
        }
        switch global {
        case .orderedMap:
            var pairs: [PickleValue] = []
            let elements = values.first?.elements ?? []
            try countCopies(2 * elements.count)
            for pair in elements {
                guard let parts = pair.elements, parts.count == 2 else {
                    throw malformed("has a key without a value")
                }
                pairs += parts
            }
            return try map(pairs)
        case .rebuildTensor: return .tensor(try tensor(values, dtype: nil))
        case .rebuildTensorVersion3:
            guard values.count > 6, case .dtype(let dtype) = values[6] else {
                throw malformed("has a tensor without a type")
            }
            return .tensor(try tensor(values, dtype: dtype))
        case .rebuildParameter:
            guard let tensor = values.first?.tensor else {
                throw malformed("has a parameter without a tensor")
            }
            return .tensor(tensor)
        case .size:
            let sizes = values.first?.elements ?? []
            try countCopies(sizes.count)
            return try tuple(sizes)
        case .encode: return .bytes
        case .opaque: return .opaque
        case .storage: throw malformed("makes a storage of its own")
        }
    }

    /// `(storage, offset, size, stride, …)`, with every index checked against the storage.
    private func tensor(_ values: [PickleValue], dtype: DType?) throws -> PickleTensor {
        guard values.count >= 4, case .storage(let storage) = values[0],
            let offset = values[1].integer, let sizes = values[2].elements,
            let steps = values[3].elements, let dtype = dtype ?? storage.dtype,
            sizes.count == steps.count
        else { throw malformed("has a tensor without storage, shape or strides") }
        guard sizes.count <= Shape.mostAxes else {
            throw malformed(
                "has a tensor of \(sizes.count) axes, at most \(Shape.mostAxes) are allowed")
        }
        let (shape, strides) = (sizes.map { $0.integer ?? -1 }, steps.map { $0.integer ?? -1 })
        var description: String {
            "has a tensor of shape \(shape), strides \(strides), offset \(offset)"
        }
        guard let count = shape.checkedElementCount, offset >= 0,
            strides.allSatisfy({ $0 >= 0 }),
            !count.multipliedReportingOverflow(by: dtype.byteCount).overflow
        else { throw malformed(description) }
        if count == 0 {
            // Nothing is looked at, so nothing need be said of where.
            return PickleTensor(
                storage: storage, dtype: dtype, shape: shape, strides: shape.rowMajorStrides,
                offset: 0)
        }
        let available = storage.view.count * (storage.dtype?.byteCount ?? 1) / dtype.byteCount
        var last = offset
        for (size, stride) in zip(shape, strides) {
            let (step, tooFar) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, overflow) = last.addingReportingOverflow(step)
            guard !tooFar, !overflow else { throw malformed(description) }
            last = sum
        }
        guard last < available else {
            throw malformed("\(description) in a storage of \(available) elements")
        }
        let start = storage.view.lowerBound * (storage.dtype?.byteCount ?? 1)
        guard start.isMultiple(of: dtype.byteCount) else { throw malformed(description) }
        return PickleTensor(
            storage: storage, dtype: dtype, shape: shape, strides: strides,
            offset: start / dtype.byteCount + offset)
    }

    /// `("storage", type, key, location, count)`, in older files with the part of it to show.
    private mutating func persistent(_ value: PickleValue) throws -> PickleValue {
        let parts = value.elements ?? []
        if parts.first?.text == "module" {
            throw CheckpointError.forbiddenPickle(
                file: cursor.file.path, name: "a whole module, not its weights")
        }
        guard parts.count >= 5, parts[0].text == "storage",
            case .type(.storage(let dtype)) = parts[1],
            let key = parts[2].text ?? parts[2].integer.map({ "\($0)" }),
            key.utf8.count <= Unpickler.longestKey, let count = parts[4].integer, count >= 0,
            !count.multipliedReportingOverflow(by: dtype?.byteCount ?? 1).overflow
        else { throw malformed("refers to what is no storage") }
        var view = 0..<count
        if parts.count > 5, let range = parts[5].elements {
            guard range.count == 3, let offset = range[1].integer, let length = range[2].integer,
                offset >= 0, length >= 0, offset <= count, length <= count - offset
            else { throw malformed("shows a part outside of its storage") }
            view = offset..<(offset + length)
        }
        let storage = PickleStorage(key: key, dtype: dtype, count: count, view: view)
        storages[key] = storage
        return .storage(storage)
    }
}
