using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>A device whose registers remember what was written, which records what it is asked and throws on request.</summary>
internal class FakePciDevice : IPciDevice
{
    private readonly byte[] _registers = new byte[0x10000];
    private readonly List<string> _accesses = [];

    public ushort VendorId { get; init; } = 0x1234;

    public uint ClassCode { get; init; } = 0x088000;

    public IReadOnlyList<PciBarTraits> Bars { get; init; } = [new(0, PciBarKind.Memory32, 0x100)];

    public PciMsixTraits? Msix { get; init; }

    public IReadOnlyList<PciCapability> Capabilities { get; init; } = [];

    public IReadOnlyList<PciConfigRange> OwnedConfig { get; init; } = [];

    /// <summary>The callback that throws, by name.</summary>
    public string? Throws { get; set; }

    /// <summary>What <see cref="Dispose"/> waits for.</summary>
    public ManualResetEventSlim? HoldDispose { get; init; }

    public IPciTransport? Transport { get; private set; }

    public int Disposals { get; private set; }

    public PciTraits Traits => new()
    {
        VendorId = VendorId,
        DeviceId = 0x5678,
        ClassCode = ClassCode,
        Revision = 7,
        SubsystemVendorId = 0xaaaa,
        SubsystemId = 0xbbbb,
        Bars = Bars,
        Msix = Msix,
        Capabilities = Capabilities,
        OwnedConfig = OwnedConfig,
    };

    /// <summary>What came since the last look.</summary>
    public string[] TakeAccesses()
    {
        lock (_accesses)
        {
            string[] all = [.. _accesses];
            _accesses.Clear();
            return all;
        }
    }

    public void Attach(IPciTransport transport)
    {
        Transport = transport;
        Note("attach", nameof(Attach));
    }

    public void ReadBar(int bar, ulong offset, Span<byte> destination)
    {
        Note($"read {bar} {offset:x} {destination.Length}", nameof(ReadBar));
        _registers.AsSpan((int)offset, destination.Length).CopyTo(destination);
    }

    public void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> source)
    {
        Note($"write {bar} {offset:x} {source.Length}", nameof(WriteBar));
        source.CopyTo(_registers.AsSpan((int)offset));
    }

    public void Dispose()
    {
        HoldDispose?.Wait();
        Disposals++;
        Note("dispose", nameof(Dispose));
    }

    protected void Note(string access, string callback)
    {
        lock (_accesses) _accesses.Add(access);
        if (Throws == callback) throw new NotSupportedException($"no {callback} today");
    }
}

/// <summary>The same with every optional power.</summary>
internal sealed class PowerfulPciDevice : FakePciDevice, IPciConfigSpace, IPciResettable, IPausable
{
    private readonly uint[] _config = new uint[1024];

    /// <summary>What <see cref="Pause"/> waits for.</summary>
    public ManualResetEventSlim? HoldPause { get; init; }

    public uint ReadConfig(int offset)
    {
        Note($"read config {offset:x}", nameof(ReadConfig));
        return _config[offset / 4];
    }

    public void WriteConfig(int offset, uint value, uint mask)
    {
        Note($"write config {offset:x} {value:x} {mask:x}", nameof(WriteConfig));
        _config[offset / 4] = (_config[offset / 4] & ~mask) | value;
    }

    public void Reset() => Note("reset", nameof(Reset));

    public void Pause()
    {
        HoldPause?.Wait();
        Note("pause", nameof(Pause));
    }

    public void Resume() => Note("resume", nameof(Resume));
}
