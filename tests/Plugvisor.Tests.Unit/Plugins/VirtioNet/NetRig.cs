using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioNet;
using Plugvisor.Plugins.VirtioNet.Ports;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioNet;

/// <summary>A network device between ports that a test holds and a driver.</summary>
internal sealed class NetRig : IDisposable
{
    public const int Header = 12;

    public NetRig(Action<JsonObject>? configure = null, TimeProvider? clock = null, byte[]? saved = null, ulong without = 0, bool start = true)
    {
        Ram = new GuestMemoryMock(new MockRegion(0, 64u << 20), new MockRegion(1ul << 32, 1u << 20));
        Host = new MockDeviceHost(Ram, clock);
        JsonObject config = new() { ["mac"] = "2e:00:00:00:00:01" };
        configure?.Invoke(config);
        int pairs = ((int?)config["num_queues"] ?? 2) / 2;
        for (int i = 0; i < pairs; i++) Ports.Add(new FakePort());
        Net = Create(Host, config, Ports, saved);
        Harness = new DriverHarness(Net, Host);
        if (start) Harness.Start(without);
    }

    public GuestMemoryMock Ram { get; }

    public MockDeviceHost Host { get; }

    public List<FakePort> Ports { get; } = [];

    public FakePort Port => Ports[0];

    public Device Net { get; }

    public DriverHarness Harness { get; }

    public MockQueue Receive => Harness.Queues[0];

    public MockQueue Transmit => Harness.Queues[1];

    public MockQueue Control => Harness.Queues[^1];

    public string Log => string.Join('\n', Host.MockLog.Lines);

    public static ulong Bit(int bit) => VirtioFeatures.Mask(bit);

    public static Device Create(IDeviceHost host, JsonObject config, IEnumerable<FakePort> ports, ReadOnlyMemory<byte> saved = default, int? mtu = 1500,
        IReadOnlyList<SafeHandle>? inherited = null)
    {
        using JsonDocument document = JsonDocument.Parse(config.ToJsonString());
        var request = new DeviceRequest { Id = "_net0", Config = document.RootElement.Clone(), SavedState = saved, Inherited = inherited ?? [] };
        return Device.Create(request, Config.From(request.Config), new PortSet([.. ports], "fake0", mtu), host);
    }

    /// <summary>A header without offloads, then bytes that tell frames and places apart.</summary>
    public static byte[] Frame(int bytes, int number = 0, byte flags = 0)
    {
        byte[] frame = new byte[Header + bytes];
        frame[0] = flags;
        for (int i = 0; i < bytes; i++) frame[Header + i] = (byte)(i * 7 + number * 31 + (i >> 8));
        return frame;
    }

    /// <summary>Makes a buffer available that the device can write.</summary>
    public DriverBuffer Buffer(int bytes)
    {
        ulong address = Ram.Allocate(bytes);
        Ram.Bytes(address, bytes).Fill(0xee);
        return DriverBuffer.Writable(address, (uint)bytes);
    }

    /// <summary>A frame, header and all, as a buffer that the device reads.</summary>
    public DriverBuffer Data(ReadOnlySpan<byte> data)
    {
        ulong address = Ram.Allocate(Math.Max(1, data.Length));
        data.CopyTo(Ram.Bytes(address, data.Length));
        return DriverBuffer.Readable(address, (uint)data.Length);
    }

    public ReadOnlySpan<byte> Bytes(DriverBuffer buffer, uint length) => Ram.Bytes(buffer.Address, (int)length);

    /// <summary>Sends a frame as the guest does, in pieces.</summary>
    public void Send(byte[] frame, params int[] cuts)
    {
        var pieces = new List<DriverBuffer>();
        int from = 0;
        foreach (int cut in cuts)
        {
            pieces.Add(Data(frame.AsSpan(from, cut - from)));
            from = cut;
        }

        pieces.Add(Data(frame.AsSpan(from)));
        Assert.Equal(0u, Transmit.Call([.. pieces]));
    }

    /// <summary>A command over the control queue; its acknowledgement.</summary>
    public byte Command(byte kind, byte command, params byte[] data)
    {
        DriverBuffer ack = Buffer(1);
        Assert.Equal(1u, Control.Call(Data([kind, command]), Data(data), ack));
        return Bytes(ack, 1)[0];
    }

    public ulong ConfigSpace(int offset, int width)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Net.ReadConfig(offset, bytes[..width]);
        return BitConverter.ToUInt64(bytes);
    }

    public void Healthy()
    {
        Assert.Empty(Host.Failures);
        Assert.Empty(Harness.Transport.ResetReasons);
    }

    public void Dispose()
    {
        Harness.Dispose();
        Ram.Dispose();
    }
}
