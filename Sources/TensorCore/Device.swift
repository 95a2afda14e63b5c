/// Where tensors live and who computes on them.
public struct Device: Sendable, Equatable, CustomStringConvertible {
    package let backend: any Backend

    package init(_ backend: any Backend) { self.backend = backend }

    /// The machine's processor: kernels chosen for its instruction set.
    public static let cpu = Device(CPUBackend.shared)

    /// Plain Swift loops, one element at a time: slow and obviously right. The tests' oracle.
    public static let reference = Device(ReferenceBackend())

    public var description: String { backend.name }

    public static func == (a: Device, b: Device) -> Bool { a.backend.name == b.backend.name }
}
