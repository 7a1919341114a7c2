using System.Runtime.InteropServices;

namespace Plugvisor.Linux.IoUring;

/// <summary>
/// The three system calls. libc has no wrappers for them, so they go through <c>syscall</c>, whose result is -1 with errno.
/// Numbers are those of the generic table, the same on x86-64, arm64 and riscv64.
/// </summary>
internal static unsafe partial class IoUringNative
{
    public const long SetupNumber = 425;
    public const long EnterNumber = 426;
    public const long RegisterNumber = 427;

    [LibraryImport("libc", EntryPoint = "syscall")]
    public static partial nint Setup(long number, uint entries, IoUringParameters* parameters);

    [LibraryImport("libc", EntryPoint = "syscall")]
    public static partial nint Enter(
        long number, uint fd, uint toSubmit, uint minComplete, uint flags, void* argument, nuint argumentSize);

    [LibraryImport("libc", EntryPoint = "syscall")]
    public static partial nint Register(long number, uint fd, uint operation, void* argument, uint count);
}
