using System.Runtime.InteropServices;

namespace Plugvisor.Hypervisor.Kvm.Native;

/// <summary>
/// ioctl on KVM's descriptors. Blittable and without SetLastError; a caller that sees -1 reads
/// <see cref="Marshal.GetLastSystemError"/> before anything else.
/// </summary>
internal static unsafe partial class KvmIoctl
{
    public const int EINTR = 4;
    public const int EAGAIN = 11;
    public const int EFAULT = 14;

    /// <summary>One ioctl with a number as its argument.</summary>
    [LibraryImport("libc", EntryPoint = "ioctl")]
    public static partial int Call(int fd, nuint request, nuint argument);

    /// <summary>One ioctl with a pointer to a structure that does not move.</summary>
    [LibraryImport("libc", EntryPoint = "ioctl")]
    public static partial int Call(int fd, nuint request, void* argument);

    /// <summary>An ioctl repeated while signals interrupt it: its result, or the negative errno.</summary>
    public static int Try(int fd, nuint request, nuint argument)
    {
        while (true)
        {
            int result = Call(fd, request, argument);
            if (result >= 0) return result;
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }
    }

    /// <inheritdoc cref="Try(int, nuint, nuint)"/>
    public static int Try(int fd, nuint request, void* argument) => Try(fd, request, (nuint)argument);

    /// <summary>An ioctl that has to succeed; <paramref name="what"/> names it in the error, such as <c>KVM_CREATE_VM</c>.</summary>
#pragma warning disable CS1573 // The other parameters are those of ioctl.
    public static int Require(int fd, nuint request, nuint argument, string what)
    {
        int result = Try(fd, request, argument);
        if (result < 0) ThrowRefused(what, -result);
        return result;
    }
#pragma warning restore CS1573

    /// <inheritdoc cref="Require(int, nuint, nuint, string)"/>
    public static int Require(int fd, nuint request, void* argument, string what) => Require(fd, request, (nuint)argument, what);

    /// <summary>The error for a refused request.</summary>
    public static void ThrowRefused(string what, int errno) =>
        throw new HypervisorException($"KVM refuses {what}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");
}
