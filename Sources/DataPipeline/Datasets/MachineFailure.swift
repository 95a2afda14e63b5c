import MediaIO
import TensorCore

/// Whether an error is the machine's, a full disk or too many open files, and not the sample's that
/// met it. Such an error ends the work as itself: no sample is to be named for it.
package func blamesMachine(_ error: any Error) -> Bool {
    switch error {
    case DatasetError.noScratch: true
    case DatasetError.unreadable(_, let reason), MediaError.unreadable(_, let reason),
        CheckpointError.unreadable(_, let reason), CheckpointError.unwritable(_, let reason):
        blamesMachine(reason: reason)
    default: false
    }
}
