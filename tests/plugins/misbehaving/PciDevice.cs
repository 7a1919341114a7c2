using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;

namespace Sample.Misbehaving;

/// <summary>A PCI device with one page of registers, all zero.</summary>
internal sealed class PciDevice(Fault fault, IDeviceHost host) : IPciDevice, IPciConfigSpace, IPciResettable, IPausable
{
    public PciTraits Traits
    {
        get
        {
            fault.At("Traits");
            return new PciTraits
            {
                VendorId = 0x1234,
                DeviceId = 0xbad0,
                ClassCode = 0xff0000,
                Bars = [new PciBarTraits(0, PciBarKind.Memory32, 4096)],
                OwnedConfig = [new PciConfigRange(0xe0, 4)],
            };
        }
    }

    public void Attach(IPciTransport transport) => fault.At("Attach", host);

    public void ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        destination.Clear();
        fault.At("ReadBar", host);
    }

    public void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source) => fault.At("WriteBar", host);

    public uint ReadConfig(int offset)
    {
        fault.At("ReadConfig", host);
        return 0;
    }

    public void WriteConfig(int offset, uint value, uint mask) => fault.At("WriteConfig", host);

    public void Reset() => fault.At("Reset", host);

    public void Pause() => fault.At("Pause", host);

    public void Resume() => fault.At("Resume", host);

    public void Dispose() => fault.At("Dispose", host);
}
