using Plugvisor.Plugins.VirtioFs;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Virtio.Queues;
using Plugvisor.Virtio.Queues;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>Requests allocate nothing once their buffers are there. They are served on the test's thread, where allocations can be told apart.</summary>
public sealed class FuseCostTests : IDisposable
{
    private const int HeaderLength = 40, AnswerLength = 16, Room = 128 << 10;

    private readonly string _shared = Directory.CreateTempSubdirectory("plugvisor-fs").FullName;
    private readonly QueueRig _rig = new(256);
    private readonly FuseServer _server;
    private readonly Request _request;
    private readonly ulong _out, _in;

    public FuseCostTests()
    {
        var host = new MockDeviceHost(_rig.Ram);
        _server = new FuseServer(_shared, readOnly: false, CachePolicy.Auto, inodes: 1000, new DescriptorBudget(100));
        _request = new Request(new ThreadIdentity(), new Metrics(host.Counters));
        _request.Size(_rig.Device.MaxSegments);
        _out = _rig.Ram.Allocate(HeaderLength + Room);
        _in = _rig.Ram.Allocate(AnswerLength + Room);
        File.WriteAllBytes(Path.Combine(_shared, "file"), new byte[Room]);
        for (int i = 0; i < 50; i++) File.WriteAllText(Path.Combine(_shared, $"other{i}"), "");
    }

    [Fact]
    public void Looking_up_opening_reading_writing_and_closing_allocate_nothing()
    {
        byte[] name = FuseDriver.Text("file"), open = FuseDriver.Bytes(new OpenIn { Flags = FuseSpec.O_RDWR }), attributes = FuseDriver.Bytes(default(GetAttrIn));
        var transfer = new TransferIn { Size = Room / 2 };
        Measure(() =>
        {
            ulong node = Call<EntryOut>(FuseOpcode.Lookup, FuseSpec.FUSE_ROOT_ID, name).NodeId;
            transfer.Handle = Call<OpenOut>(FuseOpcode.Open, node, open).Handle;
            Call<AttrOut>(FuseOpcode.GetAttr, node, attributes);
            Call<OutHeader>(FuseOpcode.Read, node, transfer);
            Call<WriteOut>(FuseOpcode.Write, node, transfer, Room / 2);
            Call<OutHeader>(FuseOpcode.Release, node, new ReleaseIn { Handle = transfer.Handle });
            Call<OutHeader>(FuseOpcode.Forget, node, 1ul);
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Listing_a_directory_allocates_nothing(bool plus)
    {
        byte[] open = FuseDriver.Bytes(default(OpenIn));
        var read = new TransferIn { Size = 64 << 10 };
        Measure(() =>
        {
            read.Handle = Call<OpenOut>(FuseOpcode.OpenDir, FuseSpec.FUSE_ROOT_ID, open).Handle;
            Call<OutHeader>(plus ? FuseOpcode.ReadDirPlus : FuseOpcode.ReadDir, FuseSpec.FUSE_ROOT_ID, read);
            Call<OutHeader>(FuseOpcode.ReleaseDir, FuseSpec.FUSE_ROOT_ID, new ReleaseIn { Handle = read.Handle });
        });
    }

    public void Dispose()
    {
        _server.Dispose();
        _rig.Dispose();
        Directory.Delete(_shared, recursive: true);
    }

    private static void Measure(Action round)
    {
        for (int i = 0; i < 20; i++) round();
        Assert.Equal(0, Garbage.Of(() =>
        {
            for (int i = 0; i < 100; i++) round();
        }));
    }

    private T Call<T>(FuseOpcode opcode, ulong node, ReadOnlySpan<byte> arguments) where T : unmanaged
    {
        arguments.CopyTo(_rig.Ram.Bytes(_out + HeaderLength, arguments.Length));
        return Send<T>(opcode, node, arguments.Length);
    }

    private T Call<T>(FuseOpcode opcode, ulong node, in TransferIn arguments, int more = 0) where T : unmanaged
    {
        _rig.Ram.Write(_out + HeaderLength, arguments);
        return Send<T>(opcode, node, System.Runtime.CompilerServices.Unsafe.SizeOf<TransferIn>() + more);
    }

    private T Call<T>(FuseOpcode opcode, ulong node, in ReleaseIn arguments) where T : unmanaged
    {
        _rig.Ram.Write(_out + HeaderLength, arguments);
        return Send<T>(opcode, node, System.Runtime.CompilerServices.Unsafe.SizeOf<ReleaseIn>());
    }

    private T Call<T>(FuseOpcode opcode, ulong node, ulong arguments) where T : unmanaged
    {
        _rig.Ram.Write(_out + HeaderLength, arguments);
        return Send<T>(opcode, node, sizeof(ulong));
    }

    private T Send<T>(FuseOpcode opcode, ulong node, int length) where T : unmanaged
    {
        _rig.Ram.Write(_out, new InHeader { Length = (uint)(HeaderLength + length), Opcode = opcode, NodeId = node });
        _rig.Driver.Add(DriverBuffer.Readable(_out, (uint)(HeaderLength + length)), DriverBuffer.Writable(_in, AnswerLength + Room));
        _rig.Driver.Kick();
        if (_rig.Device.TryPop(_request.Segments, out DescriptorChain chain) != PopStatus.Popped) throw new InvalidOperationException("nothing came");
        int error = _request.Begin(chain);
        _rig.Device.AddUsed(chain.Head, _request.End(error == 0 ? _server.Handle(_request) : -error));
        _rig.Device.Publish();
        if (!_rig.Driver.TryCollect(out UsedChain used)) throw new InvalidOperationException("nothing was used");
        if (used.Written > 0 && _rig.Ram.Read<OutHeader>(_in).Error is not 0 and var failed) throw new InvalidOperationException($"{opcode}: {failed}");
        return _rig.Ram.Read<T>(_in + AnswerLength);
    }
}
