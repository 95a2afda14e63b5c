/// Values under keys, within a limit of bytes: what was not asked for the longest goes first.
///
/// - Source: the second-chance (clock) algorithm
struct RecentValues<Key: Hashable, Value> {
    private struct Entry {
        let value: Value
        let bytes: Int
        var wasUsed: Bool
    }

    /// Bytes of the values that are held.
    private(set) var bytes = 0
    private var entries: [Key: Entry] = [:]
    /// In the order in which they may go; one that was used since gets another round.
    private var queue: [Key] = []
    private var head = 0

    /// How many are held.
    var count: Int { entries.count }

    /// The value of a key, which is thereby used.
    mutating func find(_ key: Key) -> Value? {
        guard let place = entries.index(forKey: key) else { return nil }
        entries.values[place].wasUsed = true
        return entries.values[place].value
    }

    /// Holds a value, if it fits at all, in place of those that have to go for it.
    mutating func insert(_ value: Value, of size: Int, for key: Key, limit: Int) {
        guard size <= limit, entries[key] == nil else { return }
        makeRoom(upTo: limit - size)
        entries[key] = Entry(value: value, bytes: size, wasUsed: false)
        queue.append(key)
        bytes += size
    }

    /// Lets values go until those that are left take no more than that.
    mutating func makeRoom(upTo limit: Int) {
        while bytes > limit, head < queue.count {
            let oldest = queue[head]
            head += 1
            if entries[oldest]?.wasUsed == true {
                entries[oldest]?.wasUsed = false
                queue.append(oldest)
            } else if let entry = entries.removeValue(forKey: oldest) {
                bytes -= entry.bytes
            }
        }
        if head > 1_000, head * 2 > queue.count {
            queue.removeFirst(head)
            head = 0
        }
    }
}
