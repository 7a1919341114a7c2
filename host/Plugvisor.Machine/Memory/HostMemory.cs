using System.Buffers.Text;

namespace Plugvisor.Machine.Memory;

/// <summary>What the host has, read from the kernel only where an error message or a check needs it.</summary>
internal static class HostMemory
{
    private const string HugePageFolder = "/sys/kernel/mm/hugepages";

    /// <summary>Bytes that can be allocated without swapping, or null when the kernel does not say.</summary>
    public static ulong? Available() => MeminfoKilobytes("MemAvailable:"u8) * 1024;

    /// <summary>The default huge page size in bytes, or null when the kernel has no huge pages.</summary>
    public static ulong? DefaultHugePageSize() => MeminfoKilobytes("Hugepagesize:"u8) * 1024;

    /// <summary>Whether the kernel has huge pages of this size.</summary>
    public static bool HasHugePageSize(ulong size) => Directory.Exists(Folder(size));

    /// <summary>The sizes the kernel has, for a message, such as <c>2 MiB, 1 GiB</c>; empty when it has none.</summary>
    public static string HugePageSizes()
    {
        var sizes = new List<ulong>();
        if (Directory.Exists(HugePageFolder))
        {
            foreach (string folder in Directory.EnumerateDirectories(HugePageFolder))
            {
                ReadOnlySpan<char> name = Path.GetFileName(folder.AsSpan());
                if (name.StartsWith("hugepages-") && name.EndsWith("kB") && ulong.TryParse(name[10..^2], out ulong kilobytes))
                    sizes.Add(kilobytes * 1024);
            }
        }

        sizes.Sort();
        string text = "";
        foreach (ulong size in sizes) text += (text.Length > 0 ? ", " : "") + ByteSize.Format(size);
        return text;
    }

    /// <summary>Huge pages of this size that nobody uses or has reserved; 0 when the kernel does not say.</summary>
    public static ulong FreeHugePages(ulong size)
    {
        ulong free = Count(size, "free_hugepages"), reserved = Count(size, "resv_hugepages");
        return free > reserved ? free - reserved : 0;
    }

    /// <summary>The file that sets how many huge pages of this size the host keeps.</summary>
    public static string PoolFile(ulong size) => $"{Folder(size)}/nr_hugepages";

    /// <summary>Huge pages of this size that the host keeps.</summary>
    public static ulong PoolSize(ulong size) => Count(size, "nr_hugepages");

    private static string Folder(ulong size) => $"{HugePageFolder}/hugepages-{size / 1024}kB";

    private static ulong Count(ulong size, string file)
    {
        try
        {
            return ulong.TryParse(File.ReadAllText($"{Folder(size)}/{file}").AsSpan().Trim(), out ulong count) ? count : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static ulong? MeminfoKilobytes(ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> text;
        try
        {
            text = File.ReadAllBytes("/proc/meminfo");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        int at = text.IndexOf(name);
        if (at < 0) return null;
        text = text[(at + name.Length)..].TrimStart((byte)' ');
        return Utf8Parser.TryParse(text, out ulong value, out _) ? value : null;
    }
}
