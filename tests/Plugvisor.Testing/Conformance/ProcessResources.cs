namespace Plugvisor.Testing.Conformance;

/// <summary>What this process holds, from /proc.</summary>
public static class ProcessResources
{
    /// <summary>Open file descriptors.</summary>
    public static int OpenDescriptors => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    /// <summary>Threads.</summary>
    public static int Threads => Directory.GetFileSystemEntries("/proc/self/task").Length;
}
