import Glibc

/// Makes a folder and those above it, where they are missing.
///
/// - Throws: `CheckpointError.unwritable`, with the system's reason
package func makeFolder(_ path: String) throws {
    guard mkdir(path, 0o777) != 0 else { return }
    let code = errno
    var status = stat()
    if code == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
    let above = parent(of: path)
    guard code == ENOENT, !above.isEmpty else {
        throw CheckpointError.unwritable(file: path, reason: String(cString: strerror(code)))
    }
    try makeFolder(above)
    // Another process may have made it meanwhile.
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
        throw CheckpointError.unwritable(file: path, reason: String(cString: strerror(errno)))
    }
}

/// The folder that a path is in; nothing for a name alone.
private func parent(of path: String) -> String {
    var rest = path[...]
    while rest.last == "/" { rest.removeLast() }
    while let last = rest.last, last != "/" { rest.removeLast() }
    while rest.count > 1, rest.last == "/" { rest.removeLast() }
    return String(rest)
}
