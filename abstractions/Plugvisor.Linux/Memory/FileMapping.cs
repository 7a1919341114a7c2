using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Linux.Memory;

/// <summary>
/// A file that is mapped for a guest. Whoever loads from or stores to a page that the file has lost (it was cut) gets SIGBUS, which ends this process: so nobody here does, and the
/// kernel's errors lead to <see cref="Mend"/>. The mapping has an owner of its own, <see cref="Memory"/>'s; the file stays its opener's.
/// </summary>
/// <param name="file">Open, and at least <paramref name="size"/> long when it was mapped.</param>
/// <param name="memory">All of the mapping.</param>
/// <param name="size">Bytes of the file that are mapped.</param>
public sealed class FileMapping(LinuxFile file, MemoryMapping memory, ulong size)
{
    private const ulong PageSize = 4096;

    private ulong _intact = size;   // bytes from the start that are the file's; the rest was replaced

    /// <summary>The file.</summary>
    public LinuxFile File => file;

    /// <summary>The mapping.</summary>
    public MemoryMapping Memory => memory;

    /// <summary>Bytes that are mapped.</summary>
    public ulong Size { get; } = size;

    /// <summary>Bytes from the start that are the file's. Less than <see cref="Size"/> once some were lost; any thread.</summary>
    public ulong Intact
    {
        get => Volatile.Read(ref _intact);
        init => _intact = value;
    }

    /// <summary>Puts zeroed pages in the place of those that lie behind the file's end now. One call at a time.</summary>
    /// <param name="length">The file's length, when some were replaced.</param>
    /// <returns>Whether some were.</returns>
    public bool Mend(out ulong length)
    {
        try
        {
            length = file.ReadStatus().Size;
        }
        catch (LinuxException)
        {
            length = 0;
            return false;
        }

        ulong kept = (ulong.Min(length, Size) + (PageSize - 1)) & ~(PageSize - 1);
        if (kept >= _intact || memory.CoverWithZeros((nuint)kept, (nuint)(_intact - kept)) != 0) return false;
        Volatile.Write(ref _intact, kept);
        return true;
    }
}
