import Dispatch

/// A thread of one's own for work that waits: for disks, or for other processes. The few threads
/// that Swift's tasks share are not for waiting on.
package final class WaitingThread: TaskExecutor {
    private let queue: DispatchQueue

    package init(_ label: String) { queue = DispatchQueue(label: label) }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }
}
