using System.Runtime.InteropServices;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Plugins.Ivshmem;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Tests.Unit.Linux;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Ivshmem;

public sealed class IvshmemConformanceTests : PciDeviceConformance, IDisposable
{
    private readonly TemporaryFile _file = new(length: 1 << 20);

    public void Dispose() => _file.Dispose();

    protected override IPciDevice Create(MockDeviceHost host) => IvshmemTests.Create(host, _file.Path, 1 << 20);
}

public sealed class IvshmemTests : IDisposable
{
    private readonly GuestMemoryMock _ram = new();
    private readonly MockDeviceHost _host;

    public IvshmemTests() => _host = new MockDeviceHost(_ram);

    public void Dispose() => _ram.Dispose();

    internal static IPciDevice Create(IDeviceHost host, string path, ulong size)
    {
        using JsonDocument config = JsonDocument.Parse($$"""{"path":"{{path}}","size":{{size}}}""");
        return (IPciDevice)new Plugin().Create(new DeviceRequest { Id = "__ivshmem", Config = config.RootElement }, host);
    }

    [Fact]
    public void It_says_what_it_is_and_has_the_file_in_bar_2()
    {
        using var file = new TemporaryFile("shared"u8, 1 << 20);
        using IPciDevice device = Create(_host, file.Path, 65536);
        Assert.Equal((0x1af4, 0x1110, 0x050000u), (device.Traits.VendorId, device.Traits.DeviceId, device.Traits.ClassCode));
        PciBarMemory memory = Assert.Single(((IPciMemoryBars)device).BarMemory);
        Assert.Equal((2, 0ul, 65536ul), (memory.Bar, memory.Offset, memory.Mapping.Length));
        Assert.Equal((byte)'s', Marshal.ReadByte(memory.Mapping.Handle.DangerousGetHandle()));
        Marshal.WriteByte(memory.Mapping.Handle.DangerousGetHandle(), (byte)'S');
        Assert.Equal((byte)'S', file.ReadAll()[0]);
    }

    [Fact]
    public void A_cut_file_is_mended_with_memory_of_its_own()
    {
        using var file = new TemporaryFile("shared"u8, 65536);
        using IPciDevice device = Create(_host, file.Path, 65536);
        PciBarMemory memory = Assert.Single(((IPciMemoryBars)device).BarMemory);
        Assert.False(memory.Mapping.Mend!());
        using (FileStream cut = File.OpenWrite(file.Path)) cut.SetLength(4097);
        Assert.True(memory.Mapping.Mend());
        Assert.Equal(0, Marshal.ReadByte(memory.Mapping.Handle.DangerousGetHandle() + 65535));
        Assert.Equal((byte)'s', Marshal.ReadByte(memory.Mapping.Handle.DangerousGetHandle()));
        Assert.Contains("was cut to 4097 bytes", Assert.Single(_host.MockLog.Lines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3 << 12, "power of two")]
    [InlineData(2048, "power of two")]
    [InlineData(0, "power of two")]
    [InlineData(1 << 20, "fewer than size=1048576")]
    public void A_size_that_cannot_be_is_refused_in_words(ulong size, string words)
    {
        using var file = new TemporaryFile(length: 65536);
        Assert.Contains(words, Assert.Throws<DeviceException>(() => Create(_host, file.Path, size)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_file_or_not_there_is_refused_in_words()
    {
        Assert.Contains("is no file", Assert.Throws<DeviceException>(() => Create(_host, "/dev/null", 4096)).Message, StringComparison.Ordinal);
        DeviceException gone = Assert.Throws<DeviceException>(() => Create(_host, "/no/such/file", 4096));
        Assert.Contains("/no/such/file", gone.InnerException!.Message, StringComparison.Ordinal);
    }
}
