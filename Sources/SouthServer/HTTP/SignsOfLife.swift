package import FoundationEssentials

/// Hands over what `work` sends as it comes, and a comment of server-sent events where nothing was
/// sent for a while, so that nobody on the way takes the connection for dead.
///
/// - Parameter write: what it throws ends the work, as the task's cancellation does
package func withSignsOfLife(
    every pause: Duration,
    _ work: @escaping @Sendable (@Sendable (Data) async throws -> Void) async throws -> Void,
    write: (Data) async throws -> Void
) async throws {
    let (events, feed) = AsyncStream.makeStream(of: Data.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { feed.finish() }
            try await work { feed.yield($0) }
        }
        group.addTask {
            while true {
                try await Task.sleep(for: pause)
                feed.yield(Data(": still here\n\n".utf8))
            }
        }
        for await data in events { try await write(data) }
        group.cancelAll()
    }
}
