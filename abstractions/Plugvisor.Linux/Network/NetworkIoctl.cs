using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Network;

/// <summary>
/// ioctl on taps and on sockets that configure interfaces (netdevice(7), Linux Documentation/networking/tuntap.rst). The numbers are
/// those of include/uapi/linux/{sockios,if_tun}.h.
/// </summary>
internal static unsafe partial class NetworkIoctl
{
    public const uint SIOCGIFFLAGS = 0x8913;
    public const uint SIOCSIFFLAGS = 0x8914;
    public const uint SIOCSIFADDR = 0x8916;
    public const uint SIOCSIFNETMASK = 0x891c;
    public const uint SIOCGIFMTU = 0x8921;
    public const uint SIOCSIFMTU = 0x8922;
    public const uint SIOCSIFHWADDR = 0x8924;
    public const uint SIOCGIFHWADDR = 0x8927;
    public const uint SIOCGIFINDEX = 0x8933;

    public const uint TUNSETIFF = 0x400454ca;
    public const uint TUNSETOFFLOAD = 0x400454d0;
    public const uint TUNGETIFF = 0x800454d2;
    public const uint TUNSETVNETHDRSZ = 0x400454d8;
    public const uint TUNSETQUEUE = 0x400454d9;

    private const int EINTR = 4;

    /// <summary>0, or a negative errno.</summary>
    public static int Try(int descriptor, uint request, void* argument)
    {
        while (ioctl(descriptor, request, argument) < 0)
        {
            int errno = Marshal.GetLastSystemError();
            if (errno != EINTR) return -errno;
        }

        return 0;
    }

    /// <summary>A request that has to succeed.</summary>
    /// <param name="descriptor">The tap or socket.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="argument">A structure that does not move, or a number.</param>
    /// <param name="what">What is attempted on what, for the error.</param>
    public static void Require(int descriptor, uint request, void* argument, string what)
    {
        int result = Try(descriptor, request, argument);
        if (result < 0) throw new LinuxException(what, -result);
    }

    [LibraryImport("libc")]
    private static partial int ioctl(int descriptor, nuint request, void* argument);
}
