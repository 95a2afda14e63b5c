internal import Glibc

/// What the system says of a call that failed.
package func systemReason(_ code: Int32 = errno) -> String {
    String(cString: strerror(code)).lowercased()
}

/// Whether what the system said blames the machine and not the file that was asked for: with a full
/// or failing disk, or with too little memory or too many open files, the next file fares no better.
package func blamesMachine(reason: String) -> Bool {
    machineReasons.contains(reason.lowercased())
}

private let machineReasons = Set(
    [ENOSPC, EDQUOT, EFBIG, EIO, ENOMEM, EMFILE, ENFILE, ESTALE, ENODEV].map { systemReason($0) })
