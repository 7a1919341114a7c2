namespace Plugvisor.Machine.Memory;

/// <summary>Byte counts for people.</summary>
internal static class ByteSize
{
    /// <summary>The count in the largest binary unit that expresses it exactly, such as <c>512 MiB</c>.</summary>
    public static string Format(ulong bytes)
    {
        const ulong KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30;
        if (bytes != 0 && bytes % GiB == 0) return $"{bytes / GiB} GiB";
        if (bytes != 0 && bytes % MiB == 0) return $"{bytes / MiB} MiB";
        if (bytes != 0 && bytes % KiB == 0) return $"{bytes / KiB} KiB";
        return $"{bytes} bytes";
    }
}
