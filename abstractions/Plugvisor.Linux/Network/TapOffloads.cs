namespace Plugvisor.Linux.Network;

/// <summary>What a tap may leave to its reader (TUN_F_ bits of include/uapi/linux/if_tun.h); without a bit the kernel does it first.</summary>
[Flags]
public enum TapOffloads : uint
{
    /// <summary>Complete frames only.</summary>
    None = 0,

    /// <summary>TUN_F_CSUM: checksums may be left to be filled in. Needed by all others.</summary>
    Checksum = 0x1,

    /// <summary>TUN_F_TSO4: TCP over IPv4 may come in frames that are larger than the MTU.</summary>
    Tso4 = 0x2,

    /// <summary>TUN_F_TSO6: the same over IPv6.</summary>
    Tso6 = 0x4,

    /// <summary>TUN_F_TSO_ECN: also with ECN bits.</summary>
    TsoEcn = 0x8,

    /// <summary>TUN_F_UFO: UDP may come in frames that are larger than the MTU.</summary>
    Ufo = 0x10,
}
