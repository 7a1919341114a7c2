namespace Plugvisor.Linux.Memory;

/// <summary>What <see cref="MemoryMapping.Advise(MemoryAdvice)"/> tells the kernel; the values of madvise(2) on x86-64.</summary>
public enum MemoryAdvice
{
    /// <summary>Give the pages back; shared file pages stay in the file.</summary>
    DontNeed = 4,

    /// <summary>Free the file's blocks behind the range as well.</summary>
    Remove = 9,

    /// <summary>Pages with equal content may be merged (KSM); private anonymous memory only.</summary>
    Mergeable = 12,

    /// <summary>Back the range with transparent huge pages where the host allows it.</summary>
    HugePage = 14,

    /// <summary>Never back the range with transparent huge pages.</summary>
    NoHugePage = 15,

    /// <summary>Leave the range out of core dumps.</summary>
    DontDump = 16,

    /// <summary>Allocate all pages now, writable (Linux 5.14).</summary>
    PopulateWrite = 23,
}
