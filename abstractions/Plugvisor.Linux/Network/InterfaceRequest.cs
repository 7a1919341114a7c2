using System.Runtime.InteropServices;
using System.Text;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Network;

/// <summary>The kernel's <c>struct ifreq</c>: a name, and a union of which the parts in use are here.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal unsafe struct InterfaceRequest
{
    /// <summary>Bytes of a name with its final zero (IFNAMSIZ).</summary>
    public const int NameSize = 16;

    private const int EINVAL = 22;

    [FieldOffset(0)] private fixed byte _name[NameSize];

    /// <summary>ifr_flags.</summary>
    [FieldOffset(16)] public ushort Flags;

    /// <summary>ifr_mtu, ifr_ifindex.</summary>
    [FieldOffset(16)] public int Number;

    /// <summary>sa_family of ifr_addr, ifr_netmask and ifr_hwaddr.</summary>
    [FieldOffset(16)] public ushort Family;

    /// <summary>sa_data, 14 bytes; for IPv4 a port, then the address.</summary>
    [FieldOffset(18)] public fixed byte Data[14];

    /// <summary>A request about an interface.</summary>
    /// <exception cref="LinuxException">The name is longer than a name can be.</exception>
    public static InterfaceRequest For(string name)
    {
        InterfaceRequest request = default;
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length >= NameSize) throw new LinuxException($"use interface '{name}': a name has at most {NameSize - 1} bytes", EINVAL);
        for (int i = 0; i < bytes.Length; i++) request._name[i] = bytes[i];
        return request;
    }

    /// <summary>The name in it.</summary>
    public string Name
    {
        get
        {
            fixed (byte* name = _name)
            {
                int length = new ReadOnlySpan<byte>(name, NameSize).IndexOf((byte)0);
                return Encoding.UTF8.GetString(name, length < 0 ? NameSize : length);
            }
        }
    }
}
