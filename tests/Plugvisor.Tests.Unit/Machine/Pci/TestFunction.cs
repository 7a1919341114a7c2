using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Pci;

namespace Plugvisor.Tests.Unit.Machine.Pci;

/// <summary>A function with BARs that remember what was written to them.</summary>
internal sealed class TestFunction : PciFunction
{
    public TestFunction(string id, RecordingLog log, PciBarKind kind = PciBarKind.Memory32, ulong size = 0x1000)
        : base(id, new PciConfigSpace(0x1234, 0x5678, 0xff0000), log)
    {
        Bars.Add(0, kind, size);
        Config.Set16(4, 2);
    }

    public List<string> Accesses { get; } = [];

    protected internal override void ReadBar(int bar, ulong offset, Span<byte> data)
    {
        Accesses.Add($"read {offset:x} {data.Length}");
        data.Fill(0xab);
    }

    protected internal override void WriteBar(int bar, ulong offset, ReadOnlySpan<byte> data) => Accesses.Add($"write {offset:x} {data.Length}");
}
