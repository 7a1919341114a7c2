using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Threads;

/// <summary>Binds threads to host CPUs.</summary>
public static unsafe partial class ThreadAffinity
{
    /// <summary>CPU numbers that a mask can hold; the kernel's largest configuration.</summary>
    public const int MaxCpus = 8192;

    private const int BitsPerWord = 64;

    /// <summary>Lets the calling thread run on these CPUs only.</summary>
    /// <exception cref="LinuxException">None of them exists or is allowed for this process, or a number is out of range (EINVAL).</exception>
    public static void Set(IReadOnlyList<int> cpus)
    {
        ArgumentNullException.ThrowIfNull(cpus);
        const int EINVAL = 22;
        ulong* mask = stackalloc ulong[MaxCpus / BitsPerWord];
        new Span<ulong>(mask, MaxCpus / BitsPerWord).Clear();
        for (int i = 0; i < cpus.Count; i++)
        {
            int cpu = cpus[i];
            if (cpu is < 0 or >= MaxCpus) throw new LinuxException($"bind a thread to CPU {cpu}", EINVAL);
            mask[cpu / BitsPerWord] |= 1UL << (cpu % BitsPerWord);
        }

        if (sched_setaffinity(0, MaxCpus / 8, mask) < 0)
            throw new LinuxException($"bind a thread to CPUs {string.Join(',', cpus)}", Marshal.GetLastSystemError());
    }

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int threadId, nuint bytes, ulong* mask);
}
