using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// Memory-mapped configuration access to bus 0 of one segment (PCI Express 4.0 section 7.2.2): bits 19-15 are the device, 14-12 the
/// function, 11-0 the register. An access does not cross into the next function.
/// </summary>
internal sealed class PciEcam(PciSegment segment) : IBusDevice
{
    private const ulong Length = MemoryMap.EcamSegmentLength;

    public void Read(ulong offset, Span<byte> data)
    {
        // An 8-byte access is two of 4, as configuration requests carry one dword.
        if (data.Length > 4)
        {
            Read(offset, data[..4]);
            Read(offset + 4, data[4..]);
        }
        else if (offset < Length)
        {
            segment.ReadConfig(0, (uint)(offset >> 15), (uint)(offset >> 12) & 7, (int)offset & 0xfff, data);
        }
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length > 4)
        {
            Write(offset, data[..4]);
            Write(offset + 4, data[4..]);
        }
        else if (offset < Length)
        {
            segment.WriteConfig(0, (uint)(offset >> 15), (uint)(offset >> 12) & 7, (int)offset & 0xfff, data);
        }
    }
}
