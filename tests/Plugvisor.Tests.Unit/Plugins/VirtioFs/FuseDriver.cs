using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioFs;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Virtio.Devices;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>A guest's end of a shared directory: a temporary one, the device, and FUSE requests to it. One thread uses a queue.</summary>
internal sealed class FuseDriver : IDisposable
{
    public const ulong Root = 1;

    private const int HeaderLength = 40, AnswerHeaderLength = 16;

    private readonly GuestMemoryMock _ram = new();
    private readonly ulong[] _requests, _answers;
    private readonly int _size;
    private readonly Func<MockDeviceHost, DescriptorBudget?, ReadOnlyMemory<byte>, IReadOnlyList<SafeHandle>, IVirtioDevice> _make;
    private ulong _unique = 100;

    public FuseDriver(bool readOnly = false, int queues = 1, DescriptorBudget? budget = null, int size = 2 << 20, string? share = null, string? above = null,
        string cache = "auto")
    {
        Host = new MockDeviceHost(_ram);
        Above = above is null
            ? Directory.CreateTempSubdirectory("plugvisor-fs").FullName
            : Directory.CreateDirectory(Path.Combine(above, $"plugvisor-fs{Guid.NewGuid()}")).FullName;
        Shared = Path.Combine(Above, "shared");
        Directory.CreateDirectory(Shared);
        _size = size;
        _make = (host, descriptors, state, inherited) => Make(host, share ?? Shared, readOnly, queues, descriptors, cache, state, inherited);
        Harness = new DriverHarness(_make(Host, budget, default, []), Host);
        Harness.Start();
        _requests = new ulong[queues + 1];
        _answers = new ulong[queues + 1];
        for (int i = 0; i <= queues; i++)
        {
            _requests[i] = _ram.Allocate(size, 4096);
            _answers[i] = _ram.Allocate(size, 4096);
        }

        Assert.Equal(FuseSpec.FUSE_KERNEL_VERSION, Init().As<InitOut>().Major);
    }

    public MockDeviceHost Host { get; private set; }

    public DriverHarness Harness { get; }

    public GuestMemoryMock Ram => _ram;

    /// <summary>The folder that the shared one is in; nothing of it may be reached.</summary>
    public string Above { get; }

    public string Shared { get; }

    /// <summary>Another instance goes on where this one stands.</summary>
    public void Replace(DescriptorBudget? budget = null)
    {
        Host = new MockDeviceHost(_ram);
        Harness.Replace((state, inherited) => _make(Host, budget, state, inherited), Host);
    }

    public static IVirtioDevice Make(
        IDeviceHost host, string directory, bool readOnly = false, int queues = 1, DescriptorBudget? budget = null, string cache = "auto",
        ReadOnlyMemory<byte> state = default, IReadOnlyList<SafeHandle>? inherited = null)
    {
        using JsonDocument json = JsonDocument.Parse(
            $$"""{"tag":"test","shared_dir":"{{directory}}","readonly":{{(readOnly ? "true" : "false")}},"cache":"{{cache}}","num_queues":{{queues}},"queue_size":1024}""");
        var request = new DeviceRequest { Id = "_fs0", Config = json.RootElement.Clone(), SavedState = state, Inherited = inherited ?? [] };
        return budget is null
            ? (IVirtioDevice)new Plugin().Create(request, host)
            : Plugvisor.Plugins.VirtioFs.Embedded.Device.Open(request, Config.From(request.Config), host, budget);
    }

    public static byte[] Bytes<T>(T value) where T : unmanaged
    {
        byte[] bytes = new byte[Unsafe.SizeOf<T>()];
        Unsafe.WriteUnaligned(ref bytes[0], value);
        return bytes;
    }

    public static byte[] Text(string text) => [.. Encoding.UTF8.GetBytes(text), 0];

    public string PathOf(string name) => Path.Combine(Shared, name);

    public FuseAnswer Init(uint major = 7, uint minor = 37, uint flags = uint.MaxValue) =>
        Call(FuseOpcode.Init, 0, [.. Bytes(new InitIn { Major = major, Minor = minor, MaxReadAhead = 131072, Flags = flags }), .. new byte[48]]);

    /// <summary>Sends a request and waits for its answer.</summary>
    public FuseAnswer Call(FuseOpcode opcode, ulong node, ReadOnlySpan<byte> arguments = default, int room = 8192, int queue = 1, uint user = 0, uint group = 0, uint? length = null) =>
        Send(new InHeader { Opcode = opcode, NodeId = node, User = user, Group = group, Length = length ?? (uint)(HeaderLength + arguments.Length) }, arguments, room, queue);

    /// <summary>As <see cref="Call"/>, with a header of one's own.</summary>
    public FuseAnswer Send(InHeader header, ReadOnlySpan<byte> arguments, int room, int queue = 1)
    {
        header.Unique = Interlocked.Increment(ref _unique);
        ulong request = _requests[queue], answer = _answers[queue];
        _ram.Write(request, header);
        arguments.CopyTo(_ram.Bytes(request + HeaderLength, _size - HeaderLength));
        // As Linux lays a request out: header and arguments in buffers of their own, and the answer's header too.
        var buffers = new List<DriverBuffer> { DriverBuffer.Readable(request, HeaderLength) };
        if (arguments.Length > 0) buffers.Add(DriverBuffer.Readable(request + HeaderLength, (uint)arguments.Length));
        if (room >= 0) buffers.Add(DriverBuffer.Writable(answer, AnswerHeaderLength));
        for (int at = 0; at < room; at += 4096) buffers.Add(DriverBuffer.Writable(answer + AnswerHeaderLength + (ulong)at, (uint)Math.Min(4096, room - at)));
        uint written = Harness.Queues[queue].Call(buffers.ToArray());
        if (written == 0) return new FuseAnswer(0, 0, []);
        OutHeader head = _ram.Read<OutHeader>(answer);
        Assert.Equal(written, head.Length);
        Assert.Equal(header.Unique, head.Unique);
        Assert.InRange(head.Error, -4095, 0);
        return new FuseAnswer(written, -head.Error, _ram.Bytes(answer + AnswerHeaderLength, (int)head.Length - AnswerHeaderLength).ToArray());
    }

    public FuseAnswer Lookup(ulong parent, string name, int queue = 1) => Call(FuseOpcode.Lookup, parent, Text(name), queue: queue);

    /// <summary>Looks a path up, name by name.</summary>
    public ulong Node(string path)
    {
        ulong node = Root;
        foreach (string name in path.Split('/')) node = Lookup(node, name).As<EntryOut>().NodeId;
        return node;
    }

    public FuseAnswer Open(ulong node, int flags) => Call(FuseOpcode.Open, node, Bytes(new OpenIn { Flags = flags }));

    public FuseAnswer Create(ulong parent, string name, int flags = FuseSpec.O_RDWR, uint mode = 0x81a4, uint user = 0, uint group = 0) =>
        Call(FuseOpcode.Create, parent, [.. Bytes(new CreateIn { Flags = flags | FuseSpec.O_CREAT, Mode = mode }), .. Text(name)], user: user, group: group);

    public FuseAnswer Read(ulong handle, ulong offset, uint size, int queue = 1, int? room = null) =>
        Call(FuseOpcode.Read, 0, Bytes(new TransferIn { Handle = handle, Offset = offset, Size = size }), room ?? (int)size, queue);

    public FuseAnswer Write(ulong handle, ulong offset, ReadOnlySpan<byte> data, uint? size = null, uint flags = 0) =>
        Call(FuseOpcode.Write, 0, [.. Bytes(new TransferIn { Handle = handle, Offset = offset, Size = size ?? (uint)data.Length, TransferFlags = flags }), .. data]);

    public AttrOut Attributes(ulong node) => Call(FuseOpcode.GetAttr, node, Bytes(default(GetAttrIn))).As<AttrOut>();

    public void Dispose()
    {
        Harness.Dispose();
        _ram.Dispose();
        // Not by .NET, which loses names that are no UTF-8.
        using var remove = System.Diagnostics.Process.Start("rm", ["-rf", Above]);
        remove.WaitForExit();
    }
}
