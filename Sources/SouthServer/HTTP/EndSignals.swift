#if Server
    import Dispatch
    import Glibc
    import Synchronization

    /// What SIGINT and SIGTERM do beside letting answers finish, which may take long.
    final class EndSignals {
        private let sources: [any DispatchSourceSignal]

        /// - Parameters:
        ///   - first: done at the first of them
        ///   - again: done at every one after it
        init(first: @escaping @Sendable () -> Void, again: @escaping @Sendable () -> Void) {
            let hasCome = Mutex(false)
            let queue = DispatchQueue(label: "southgpt.signals")
            sources = [SIGINT, SIGTERM].map {
                DispatchSource.makeSignalSource(signal: $0, queue: queue)
            }
            for source in sources {
                source.setEventHandler {
                    let isFirst = hasCome.withLock { hasCome in
                        defer { hasCome = true }
                        return !hasCome
                    }
                    if isFirst { first() } else { again() }
                }
                source.resume()
            }
        }

        deinit { sources.forEach { $0.cancel() } }
    }
#endif
