using Plugvisor.Abstractions.Devices;
using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Memory;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// The PCI segments of the machine and the two ways to their configuration space: ports 0xCF8-0xCFF for segment 0, and ECAM for each.
/// </summary>
public sealed class PciRoot
{
    /// <summary>ECAM of segment 0; each further segment follows 1 MiB later.</summary>
    public const ulong EcamBase = MemoryMap.EcamStart;

    /// <summary>Bytes of ECAM a segment: one bus.</summary>
    public const ulong EcamLength = MemoryMap.EcamSegmentLength;

    /// <summary>
    /// Where port BARs of segment 0 may lie: above all that is soldered on, and where Linux would put them (PCIBIOS_MIN_IO).
    /// </summary>
    public static AddressRange PortWindow => new(0x1000, 0xf000);

    private readonly Bus _ports;
    private readonly Bus _mmio;
    private readonly List<PciSegment> _segments = [];

    /// <summary>A root without segments.</summary>
    public PciRoot(Bus ports, Bus mmio)
    {
        _ports = ports;
        _mmio = mmio;
    }

    /// <summary>The segments, by number.</summary>
    public IReadOnlyList<PciSegment> Segments => _segments;

    /// <summary>Adds the next segment. The first one gets the host bridge in slot 0 and the ports. Before the VM runs.</summary>
    /// <param name="apertures">Where its BARs may lie; apertures of different segments must not overlap.</param>
    /// <param name="log">For what the guest does to the bridge.</param>
    /// <exception cref="InvalidOperationException">ECAM or the ports are taken by another device: a bug of the machine's layout.</exception>
    public PciSegment AddSegment(PciApertures apertures, IDeviceLog log)
    {
        var segment = new PciSegment((ushort)_segments.Count, _ports, _mmio, apertures);
        bool added = _mmio.TryAdd(EcamBase + EcamLength * segment.Number, EcamLength, new PciEcam(segment));
        if (segment.Number == 0)
        {
            added = added && _ports.TryAdd(PciConfigPorts.Port, PciConfigPorts.Length, new PciConfigPorts(segment))
                && segment.TryAdd(new PciHostBridge(log), slot: 0, out _);
        }

        if (!added) throw new InvalidOperationException($"the addresses of PCI segment {segment.Number} are taken");
        _segments.Add(segment);
        return segment;
    }
}
