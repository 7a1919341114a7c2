using System.Net;
using System.Net.Sockets;
using System.Numerics;
using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;

namespace Plugvisor.Linux.Network;

/// <summary>
/// A network interface of this process's network namespace, by its name (netdevice(7)). One thread at a time; control path only.
/// Changing anything needs CAP_NET_ADMIN.
/// </summary>
public sealed unsafe partial class NetworkInterface : IDisposable
{
    private const int AF_INET = 2, AF_INET6 = 10, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0x80000;
    private const int EEXIST = 17, ENODEV = 19;
    private const ushort IFF_UP = 1, ARPHRD_ETHER = 1;

    private readonly FileDescriptor _socket;

    /// <summary>For the interface <paramref name="name"/>, whether it exists or not.</summary>
    /// <exception cref="LinuxException">There is no IPv4 in this kernel, or the process is out of descriptors.</exception>
    public NetworkInterface(string name)
    {
        Name = name;
        _socket = OpenSocket(AF_INET);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Whether there is such an interface.</summary>
    /// <exception cref="LinuxException">The name cannot be one, or the question is refused.</exception>
    public bool Exists
    {
        get
        {
            InterfaceRequest request = InterfaceRequest.For(Name);
            int result = NetworkIoctl.Try(_socket.Value, NetworkIoctl.SIOCGIFINDEX, &request);
            return result == 0 || (result == -ENODEV ? false : throw new LinuxException($"look for interface '{Name}'", -result));
        }
    }

    /// <summary>The largest packet in bytes, without the Ethernet header.</summary>
    public int Mtu
    {
        get => Ask(NetworkIoctl.SIOCGIFMTU, "read the MTU of").Number;
        set
        {
            InterfaceRequest request = InterfaceRequest.For(Name);
            request.Number = value;
            Require(NetworkIoctl.SIOCSIFMTU, ref request, $"set the MTU {value} of");
        }
    }

    /// <summary>The host's end of the link.</summary>
    public MacAddress HardwareAddress
    {
        get
        {
            InterfaceRequest request = Ask(NetworkIoctl.SIOCGIFHWADDR, "read the hardware address of");
            return MacAddress.From(new ReadOnlySpan<byte>(request.Data, MacAddress.Size));
        }
        set
        {
            InterfaceRequest request = InterfaceRequest.For(Name);
            request.Family = ARPHRD_ETHER;
            value.CopyTo(new Span<byte>(request.Data, MacAddress.Size));
            Require(NetworkIoctl.SIOCSIFHWADDR, ref request, $"set the hardware address {value} of");
        }
    }

    /// <summary>Takes it up, if it is down.</summary>
    public void BringUp()
    {
        InterfaceRequest request = Ask(NetworkIoctl.SIOCGIFFLAGS, "read the flags of");
        if ((request.Flags & IFF_UP) != 0) return;
        request.Flags |= IFF_UP;
        Require(NetworkIoctl.SIOCSIFFLAGS, ref request, "take up");
    }

    /// <summary>Gives it an address. An IPv4 address replaces the one that it has; an IPv6 address is added.</summary>
    /// <param name="address">The address.</param>
    /// <param name="mask">The mask of its network, of the same family: ones, then zeros.</param>
    /// <exception cref="ArgumentException">The families differ, or the mask is not one.</exception>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    public void SetAddress(IPAddress address, IPAddress mask)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(mask);
        int prefix = PrefixLength(mask);
        if (address.AddressFamily != mask.AddressFamily || prefix < 0)
            throw new ArgumentException($"{mask} is not the mask of a network that {address} can be in");
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            SetAddress6(address, prefix);
            return;
        }

        InterfaceRequest request = AddressRequest(address);
        Require(NetworkIoctl.SIOCSIFADDR, ref request, $"set the address {address} of");
        request = AddressRequest(mask);
        Require(NetworkIoctl.SIOCSIFNETMASK, ref request, $"set the mask {mask} of");
    }

    /// <summary>Number of ones that a mask begins with; -1 when there is a one after a zero.</summary>
    public static int PrefixLength(IPAddress mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        int ones = 0;
        bool ended = false;
        foreach (byte part in mask.GetAddressBytes())
        {
            int leading = BitOperations.LeadingZeroCount((uint)(byte)~part << 24 | 0x00ff_ffff);
            if ((byte)(part << leading) != 0 || (ended && leading > 0)) return -1;
            ended |= leading < 8;
            ones += leading;
        }

        return ones;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private void SetAddress6(IPAddress address, int prefix)
    {
        AddressRequest6 request = default;
        address.TryWriteBytes(new Span<byte>(request.Address, 16), out _);
        request.PrefixLength = (uint)prefix;
        request.Index = Ask(NetworkIoctl.SIOCGIFINDEX, "find").Number;
        using FileDescriptor socket = OpenSocket(AF_INET6);
        int result = NetworkIoctl.Try(socket.Value, NetworkIoctl.SIOCSIFADDR, &request);
        if (result < 0 && result != -EEXIST) throw new LinuxException($"add the address {address}/{prefix} to interface '{Name}'", -result);
    }

    private InterfaceRequest AddressRequest(IPAddress address)
    {
        InterfaceRequest request = InterfaceRequest.For(Name);
        request.Family = AF_INET;
        // struct sockaddr_in: a port of two bytes comes first.
        address.TryWriteBytes(new Span<byte>(request.Data + 2, 4), out _);
        return request;
    }

    private InterfaceRequest Ask(uint what, string words)
    {
        InterfaceRequest request = InterfaceRequest.For(Name);
        Require(what, ref request, words);
        return request;
    }

    private void Require(uint what, ref InterfaceRequest request, string words)
    {
        // SAFETY: pinned for the call, which fills at most the structure.
        fixed (InterfaceRequest* at = &request) NetworkIoctl.Require(_socket.Value, what, at, $"{words} interface '{Name}'");
    }

    private static FileDescriptor OpenSocket(int family)
    {
        int descriptor = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        return descriptor >= 0 ? new FileDescriptor(descriptor) : throw new LinuxException("open a socket to configure interfaces", Marshal.GetLastSystemError());
    }

    [LibraryImport("libc")]
    private static partial int socket(int family, int type, int protocol);

    /// <summary>The kernel's <c>struct in6_ifreq</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct AddressRequest6
    {
        public fixed byte Address[16];
        public uint PrefixLength;
        public int Index;
    }
}
