internal import CSouthKernels

/// The instruction sets that kernels are compiled for, the plainest first.
package enum InstructionSet: Int32, CaseIterable, Sendable {
    case baseline, avx2, avx512
    /// AVX-512 with dot products of integers (VNNI).
    case avx512vnni

    /// The one in use: the best of the machine, or what `SOUTHGPT_KERNELS` names.
    package static var current: InstructionSet {
        InstructionSet(rawValue: south_instruction_set()) ?? .baseline
    }

    /// Uses this one from now on, in the whole process, or the best below it that the machine
    /// has, and returns which. For tests, in processes of their own.
    package func use() -> InstructionSet {
        InstructionSet(rawValue: south_use_instruction_set(rawValue)) ?? .baseline
    }
}

/// The threads that share the work of a kernel.
package enum ThreadPool {
    /// How many: `SOUTHGPT_THREADS`, or the cores that the process may use.
    package static var count: Int { Int(south_thread_count()) }

    /// Lets at most `count` take part from now on. For tests, in processes of their own.
    package static func limit(to count: Int) { south_limit_threads(Int32(count)) }
}

/// Products of activations with weights in blocks.
package enum BlockProducts {
    /// By default activations are rounded to 16 bits in groups of 32 that share a scale, at most
    /// 1/65534 of the group's greatest magnitude off; exact products are in float32 throughout.
    /// `SOUTHGPT_BLOCKS=exact` asks for them from the start. For the whole process.
    package static func areExact(_ wish: Bool) { south_use_exact_blocks(wish ? 1 : 0) }
}
