using Plugvisor.Abstractions.Memory;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Boot;

/// <summary>The initial file system in guest RAM.</summary>
internal static class Initramfs
{
    private const ulong Page = 4096;

    /// <summary>Loads it as high as it goes, page-aligned.</summary>
    /// <param name="file">The file.</param>
    /// <param name="memory">Guest RAM.</param>
    /// <param name="end">First address that it must not reach.</param>
    /// <param name="kernelEnd">First address that is free behind the kernel.</param>
    /// <returns>Its address.</returns>
    /// <exception cref="BootException">It does not fit, or cannot be read.</exception>
    public static ulong Load(PayloadFile file, GuestMemory memory, ulong end, ulong kernelEnd)
    {
        ulong floor = Math.Max(kernelEnd, MemoryMap.HighMemoryStart);
        if (file.Length > end || ((end - file.Length) & ~(Page - 1)) < floor)
        {
            ulong free = end > floor ? end - floor : 0;
            throw file.Bad($"{ByteSize.Format(file.Length)} do not fit in the {ByteSize.Format(free)} of guest memory that the kernel leaves: " +
                "raise the memory size");
        }

        ulong address = (end - file.Length) & ~(Page - 1);
        file.ReadToGuest(0, file.Length, memory, address, "the initramfs");
        return address;
    }
}
