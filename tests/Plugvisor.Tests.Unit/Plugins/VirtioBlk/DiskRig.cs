using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioBlk;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Linux;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>A disk of 2,048 sectors with numbered content, its device and a driver.</summary>
internal sealed class DiskRig : IDisposable
{
    public const uint In = 0, Out = 1, Flush = 4, GetId = 8, Discard = 11, WriteZeroes = 13;
    public const byte Ok = 0, IoError = 1, Unsupported = 2, Untouched = 0xee;
    public const int Sectors = 2048;

    private readonly TemporaryFile? _file;

    public DiskRig(string engine, Action<JsonObject>? configure = null, Action<MockDeviceHost>? prepare = null, TimeProvider? clock = null)
    {
        _file = new TemporaryFile(Content());
        Ram = new GuestMemoryMock(new MockRegion(0, 16u << 20), new MockRegion(1ul << 32, 1u << 20));
        Host = new MockDeviceHost(Ram, clock);
        prepare?.Invoke(Host);
        try
        {
            Harness = new DriverHarness(Create(Host, _file.Path, engine, configure), Host);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public GuestMemoryMock Ram { get; }

    public MockDeviceHost Host { get; }

    public DriverHarness Harness { get; } = null!;

    public IVirtioDevice Device => Harness.Device;

    public MockQueue Queue => Harness.Queues[0];

    public string Path => _file!.Path;

    /// <summary>The engines that each test runs with.</summary>
    public static TheoryData<string> Engines => ["io_uring", "sync", "io_uring-direct", "sync-direct"];

    public static byte[] Content()
    {
        byte[] content = new byte[Sectors * 512];
        for (int i = 0; i < content.Length; i++) content[i] = ExpectedByte(i);
        return content;
    }

    public static byte ExpectedByte(long offset) => (byte)((offset / 512 * 7) ^ (offset * 13) ^ (offset >> 16));

    public static byte[] Expected(int sector, int bytes)
    {
        byte[] expected = new byte[bytes];
        for (int i = 0; i < bytes; i++) expected[i] = ExpectedByte(((long)sector * 512) + i);
        return expected;
    }

    public static IVirtioDevice Create(IDeviceHost host, string path, string engine, Action<JsonObject>? configure = null, string id = "_disk0",
        ReadOnlyMemory<byte> state = default, IReadOnlyList<SafeHandle>? inherited = null)
    {
        var config = new JsonObject { ["path"] = path, ["image_type"] = "Raw" };
        if (engine.StartsWith("sync", StringComparison.Ordinal)) config["disable_io_uring"] = true;
        if (engine.EndsWith("direct", StringComparison.Ordinal)) config["direct"] = true;
        configure?.Invoke(config);
        using JsonDocument document = JsonDocument.Parse(config.ToJsonString());
        var request = new DeviceRequest { Id = id, Config = document.RootElement.Clone(), SavedState = state, Inherited = inherited ?? [] };
        return (IVirtioDevice)new Plugin().Create(request, host);
    }

    public DriverBuffer Header(uint type, ulong sector)
    {
        ulong address = Ram.Allocate(16);
        Ram.Write(address, type);
        Ram.Write(address + 4, 0u);
        Ram.Write(address + 8, sector);
        return DriverBuffer.Readable(address, 16);
    }

    public DriverBuffer Status()
    {
        ulong address = Ram.Allocate(1);
        Ram.Bytes(address, 1)[0] = Untouched;
        return DriverBuffer.Writable(address, 1);
    }

    public DriverBuffer Room(int bytes, int alignment = 512)
    {
        ulong address = Ram.Allocate(bytes, alignment);
        Ram.Bytes(address, bytes).Fill(Untouched);
        return DriverBuffer.Writable(address, (uint)bytes);
    }

    public DriverBuffer Data(ReadOnlySpan<byte> data, int alignment = 512)
    {
        ulong address = Ram.Allocate(data.Length, alignment);
        data.CopyTo(Ram.Bytes(address, data.Length));
        return DriverBuffer.Readable(address, (uint)data.Length);
    }

    public byte[] Bytes(DriverBuffer buffer) => Ram.Bytes(buffer.Address, (int)buffer.Length).ToArray();

    /// <summary>Sends header, buffers and status as one chain.</summary>
    public byte Call(uint type, ulong sector, params DriverBuffer[] buffers) => Call(out _, type, sector, buffers);

    public byte Call(out uint written, uint type, ulong sector, params DriverBuffer[] buffers)
    {
        DriverBuffer status = Status();
        written = Queue.Call([Header(type, sector), .. buffers, status]);
        return Bytes(status)[0];
    }

    public byte[] Read(ulong sector, int bytes)
    {
        DriverBuffer room = Room(bytes);
        Assert.Equal(Ok, Call(In, sector, room));
        return Bytes(room);
    }

    /// <summary>The ranges of a discard or write-zeroes.</summary>
    public DriverBuffer Ranges(params (ulong Sector, uint Count, uint Flags)[] ranges)
    {
        ulong address = Ram.Allocate(16 * ranges.Length);
        for (int i = 0; i < ranges.Length; i++)
        {
            ulong at = address + (ulong)(16 * i);
            Ram.Write(at, ranges[i].Sector);
            Ram.Write(at + 8, ranges[i].Count);
            Ram.Write(at + 12, ranges[i].Flags);
        }

        return DriverBuffer.Readable(address, (uint)(16 * ranges.Length));
    }

    public ulong Config(int offset, int width)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Device.ReadConfig(offset, bytes[..width]);
        return BitConverter.ToUInt64(bytes);
    }

    public byte[] File() => _file!.ReadAll();

    public string Log() => string.Join('\n', Host.MockLog.Lines);

    public static string Text(byte[] bytes) => Encoding.ASCII.GetString(bytes).TrimEnd('\0');

    public void Dispose()
    {
        Harness?.Dispose();
        Ram.Dispose();
        _file?.Dispose();
    }
}
