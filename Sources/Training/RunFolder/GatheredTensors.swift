import Synchronization
package import TensorCore

/// Tensors that all ranks put together while rank 0 writes them: one at a time and in the order of
/// the file, whatever becomes of it.
package final class GatheredTensors: Sendable {
    private let parts: [StoredTensor]
    private let loaded = Mutex(0)

    /// - Parameter tensors: the same names on all ranks; loading one is collective
    package init(_ tensors: [StoredTensor]) { parts = Safetensors.ordered(tensors) }

    /// What the one that writes loads.
    package var tensors: [StoredTensor] {
        parts.enumerated().map { index, part in
            StoredTensor(name: part.name, dtype: part.dtype, shape: part.shape, file: part.file) {
                let turn = self.advance()
                precondition(turn == index, "GatheredTensors: '\(part.name)' out of turn")
                return try part.tensor()
            }
        }
    }

    /// Takes part in what is left: all of it for those that do not write, and for the one that does
    /// what a failure kept it from.
    package func finish() throws {
        while true {
            let turn = advance()
            guard turn < parts.count else { return }
            _ = try parts[turn].tensor()
        }
    }

    private func advance() -> Int {
        loaded.withLock { loaded in
            defer { loaded += 1 }
            return loaded
        }
    }
}
