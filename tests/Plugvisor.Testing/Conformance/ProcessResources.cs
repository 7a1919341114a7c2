using Plugvisor.Testing.Devices;

namespace Plugvisor.Testing.Conformance;

/// <summary>What this process holds, from /proc.</summary>
public static class ProcessResources
{
    /// <summary>Open file descriptors.</summary>
    public static int OpenDescriptors => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    /// <summary>Threads.</summary>
    public static int Threads => Directory.GetFileSystemEntries("/proc/self/task").Length;

    /// <summary>
    /// Waits until so many descriptors are open, or fewer: those of tests that run at the same time, and of what a finalizer has to close, go by themselves.
    /// </summary>
    /// <returns>False when there were more up to <see cref="DriverHarness.Deadline"/>.</returns>
    public static bool DescriptorsFallTo(int limit) => DriverHarness.HoldsWithin(() => OpenDescriptors <= limit, DriverHarness.Deadline);
}
