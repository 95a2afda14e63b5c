import Glibc

/// Closes a file that is under a lock of `flock`, and lets the lock go.
///
/// Closing alone does not always: a program that is just being started holds a copy of the descriptor
/// until it runs, and with it the lock.
package func closeUnlocking(_ descriptor: Int32) {
    _ = flock(descriptor, LOCK_UN)
    close(descriptor)
}
