using System.Runtime.Intrinsics.X86;

namespace Plugvisor.Machine.Memory;

/// <summary>The width of the host's physical addresses, which bounds the guest's.</summary>
public static class HostAddressWidth
{
    private const int AddressLeaf = unchecked((int)0x8000_0008);
    private const byte Assumed = 36;   // what a processor without the leaf has (Intel SDM volume 3, section 4.1.4)

    /// <summary>The lesser of the host's width and <paramref name="configured"/>.</summary>
    public static byte Limit(byte configured)
    {
        byte host = Assumed;
        if (X86Base.IsSupported && (uint)X86Base.CpuId(unchecked((int)0x8000_0000), 0).Eax >= unchecked((uint)AddressLeaf))
            host = (byte)X86Base.CpuId(AddressLeaf, 0).Eax;
        return Math.Min(host, configured);
    }
}
