using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Memory;

/// <summary>
/// A region that mmap made; disposing unmaps it. Its owner keeps it until nobody uses the address any more: that is not checked.
/// </summary>
public sealed partial class MemoryMapping : SafeHandle
{
    /// <summary>PROT_READ | PROT_WRITE.</summary>
    public const int ReadWrite = 3;

    /// <summary>MAP_SHARED.</summary>
    public const int Shared = 1;

    /// <summary>MAP_PRIVATE.</summary>
    public const int Private = 2;

    /// <summary>MAP_ANONYMOUS.</summary>
    public const int Anonymous = 0x20;

    /// <summary>MAP_NORESERVE.</summary>
    public const int NoReserve = 0x4000;

    private const int PROT_NONE = 0;
    private const int MAP_FIXED = 0x10;
    private const int ENOMEM = 12;
    private const int EINTR = 4;
    private const nuint PageSize = 4096;

    private MemoryMapping(nint address, nuint length) : base(-1, ownsHandle: true)
    {
        SetHandle(address);
        Length = length;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <summary>First byte.</summary>
    public nint Address => handle;

    /// <summary>Bytes.</summary>
    public nuint Length { get; }

    /// <summary>Maps.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="protection">PROT_ bits.</param>
    /// <param name="flags">MAP_ bits.</param>
    /// <param name="descriptor">What to map, or -1 with <see cref="Anonymous"/>. It may be closed afterwards.</param>
    /// <param name="offset">Page-aligned offset in it.</param>
    /// <param name="what">Its name in the error message.</param>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    public static MemoryMapping Map(nuint length, int protection, int flags, int descriptor, long offset, string what)
    {
        nint address = mmap(0, length, protection, flags, descriptor, offset);
        if (address == -1) throw new LinuxException($"mmap {what}", Marshal.GetLastSystemError());
        return new MemoryMapping(address, length);
    }

    /// <summary>
    /// Maps readable and writable at an aligned address. The kernel itself aligns to a page only; huge pages need more.
    /// </summary>
    /// <param name="length">Bytes, a multiple of the page size in use.</param>
    /// <param name="alignment">A power of two, at least the page size.</param>
    /// <param name="flags">MAP_ bits.</param>
    /// <param name="descriptor">What to map, or -1 with <see cref="Anonymous"/>.</param>
    /// <param name="what">Its name in the error message.</param>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    public static MemoryMapping MapAligned(nuint length, nuint alignment, int flags, int descriptor, string what)
    {
        // Take a range with slack, give both ends back, then place the mapping in what is left.
        nuint reserved = length + alignment;
        if (reserved < length) throw new LinuxException($"mmap {what}", ENOMEM);
        nint address = mmap(0, reserved, PROT_NONE, Private | Anonymous | NoReserve, -1, 0);
        if (address == -1) throw new LinuxException($"mmap {what}", Marshal.GetLastSystemError());

        nint aligned = (address + (nint)alignment - 1) & ~((nint)alignment - 1);
        nuint before = (nuint)(aligned - address);
        nuint kept = (length + PageSize - 1) & ~(PageSize - 1);
        if (before > 0) _ = munmap(address, before);
        if (reserved - before > kept) _ = munmap(aligned + (nint)kept, reserved - before - kept);

        if (mmap(aligned, length, ReadWrite, flags | MAP_FIXED, descriptor, 0) != -1) return new MemoryMapping(aligned, length);
        int errno = Marshal.GetLastSystemError();
        _ = munmap(aligned, kept);
        throw new LinuxException($"mmap {what}", errno);
    }

    /// <summary>Advises the kernel on a part of the mapping (madvise).</summary>
    /// <returns>0, or the errno value: most advice is a wish, so the caller decides what a refusal means.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The part is not inside the mapping.</exception>
    public int Advise(MemoryAdvice advice, nuint offset, nuint length)
    {
        if (offset > Length || length > Length - offset) throw new ArgumentOutOfRangeException(nameof(length));
        while (true)
        {
            if (madvise(handle + (nint)offset, length, (int)advice) == 0) return 0;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return errno;
        }
    }

    /// <summary>
    /// Puts zeroed private memory in the place of a part of the mapping, in one step: who uses the address finds the old pages or the new ones. For pages that are lost, such
    /// as those behind the end of a file that was truncated.
    /// </summary>
    /// <param name="offset">First byte, a multiple of the page size.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>0, or the errno value.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The part is not inside the mapping.</exception>
    public int CoverWithZeros(nuint offset, nuint length)
    {
        if (offset > Length || length > Length - offset) throw new ArgumentOutOfRangeException(nameof(length));
        nint at = mmap(handle + (nint)offset, length, ReadWrite, Private | Anonymous | NoReserve | MAP_FIXED, -1, 0);
        return at == -1 ? Marshal.GetLastSystemError() : 0;
    }

    /// <summary>Advises the kernel on the whole mapping.</summary>
    /// <inheritdoc cref="Advise(MemoryAdvice, nuint, nuint)"/>
    public int Advise(MemoryAdvice advice) => Advise(advice, 0, Length);

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => munmap(handle, Length) == 0;

    [LibraryImport("libc")]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc")]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc")]
    private static partial int madvise(nint address, nuint length, int advice);
}
