import Dispatch

/// Where a worker of the loader runs. Reading and decoding wait for disks, and the few threads that
/// Swift's tasks share are not for waiting on.
final class LoaderThread: TaskExecutor {
    private let queue: DispatchQueue

    init(_ number: Int) {
        queue = DispatchQueue(label: "southgpt.loader.\(number)")
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }
}
