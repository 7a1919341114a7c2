using System.Runtime.InteropServices;
using Plugvisor.Testing.Conformance;
using Plugvisor.Testing.Devices;
using Plugvisor.Testing.Memory;
using Plugvisor.Testing.Queues;
using Plugvisor.Tests.Unit.Linux;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioBlk;

/// <summary>The tests of every virtio device, with each engine.</summary>
public abstract class DiskConformance(string engine) : VirtioDeviceConformance, IDisposable
{
    private readonly List<TemporaryFile> _files = [];

    protected override IVirtioDevice Create(MockDeviceHost host)
    {
        var file = new TemporaryFile(length: 1 << 20);
        _files.Add(file);
        return DiskRig.Create(host, file.Path, engine, config => config["queue_size"] = 64);
    }

    protected override IVirtioDevice CreateSuccessor(MockDeviceHost host, ReadOnlyMemory<byte> state, IReadOnlyList<SafeHandle> inherited) =>
        DiskRig.Create(host, _files[0].Path, engine, config => config["queue_size"] = 64, state: state, inherited: inherited);

    protected override DriverBuffer[] BuildRequest(GuestMemoryMock ram)
    {
        ulong header = ram.Allocate(16), data = ram.Allocate(1024, 512), status = ram.Allocate(1);
        ram.Write(header, DiskRig.In);
        ram.Write(header + 8, 8ul);
        return [DriverBuffer.Readable(header, 16), DriverBuffer.Writable(data, 1024), DriverBuffer.Writable(status, 1)];
    }

    public void Dispose()
    {
        foreach (TemporaryFile file in _files) file.Dispose();
        GC.SuppressFinalize(this);
    }
}

public sealed class DiskConformanceWithIoUring() : DiskConformance("io_uring");

public sealed class DiskConformanceWithPlainCalls() : DiskConformance("sync");

public sealed class DiskConformancePastThePageCache() : DiskConformance("io_uring-direct");
