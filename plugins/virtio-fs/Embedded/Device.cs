using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Errors;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioFs.Embedded;

/// <summary>A directory that the plugin serves itself, with a thread for each queue.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, IHandsOver
{
    /// <summary>
    /// How much guest RAM there is for each file that the guest may know: Linux needs more than this for one, so a guest that behaves never comes to the
    /// limit, and one that does not makes the host spend a part of what it was given anyway.
    /// </summary>
    private const ulong MemoryForInode = 1024;

    private const ulong LeastInodes = 16 << 10, MostInodes = 4 << 20;

    private readonly string _id;
    private readonly FuseServer _server;
    private readonly Worker[] _workers;
    private readonly byte[] _config;

    private Device(string id, Config config, FuseServer server, IDeviceHost host)
    {
        _id = id;
        _server = server;
        _config = FsSpec.ConfigSpace(config);
        ushort[] sizes = FsSpec.QueueSizes(config);
        Traits = new VirtioTraits
        {
            DeviceType = FsSpec.DeviceType,
            Features = VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_EVENT_IDX) | VirtioFeatures.Mask(VirtioFeatures.VIRTIO_F_INDIRECT_DESC),
            QueueSizes = sizes,
            ConfigLength = FsSpec.ConfigLength,
        };
        _workers = new Worker[sizes.Length];
        _workers[0] = new Worker($"{id}_hiprio", server, host);
        for (int i = FsSpec.FirstRequestQueue; i < sizes.Length; i++) _workers[i] = new Worker($"{id}_q{i - FsSpec.FirstRequestQueue}", server, host);
        host.Counters.AddGauge("known_files", () => (ulong)_server.KnownFiles);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; }

    /// <summary>Opens the directory and makes the device.</summary>
    /// <exception cref="DeviceException">It cannot be shared.</exception>
    public static Device Open(DeviceRequest request, Config config, IDeviceHost host) => Open(request, config, host, DescriptorBudget.Shared);

    /// <summary>As the other, with descriptors from a budget of its own.</summary>
    internal static Device Open(DeviceRequest request, Config config, IDeviceHost host, DescriptorBudget budget)
    {
        string directory = config.SharedDirectory
            ?? throw new DeviceException($"fs {request.Id}: neither socket nor shared_dir is given");
        if (config.Tag.Length == 0) throw new DeviceException($"fs {request.Id}: the tag is empty, so that a guest could not mount it");
        FuseServer server;
        try
        {
            SafeHandle? inherited = request.Inherited.Count > 0 ? request.Inherited[0] : null;
            server = new FuseServer(directory, config.ReadOnly, config.Cache, Inodes(host.Memory), budget, inherited);
        }
        catch (Exception exception) when (exception is LinuxException or DeviceException)
        {
            throw new DeviceException($"fs {request.Id}: cannot share {directory}; give shared_dir= a directory that the VMM may read", exception);
        }

        try
        {
            State.Restore(request, server);
            return new Device(request.Id, config, server, host);
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination) => _config.AsSpan(offset, destination.Length).CopyTo(destination);

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        // Nothing is writable (5.11.4).
    }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport)
    {
    }

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources) => _workers[index].Start(resources);

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => _workers[index].Stop();

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) => _workers[index].TryStop(patience, out state);

    /// <inheritdoc/>
    public void Reset() => _server.Reset();

    /// <inheritdoc/>
    public IReadOnlyList<SafeHandle> Handover { get; private set; } = [];

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Save()
    {
        var handles = new List<SafeHandle>();
        byte[] state = State.Save(_id, _server, handles);
        Handover = handles;
        return state;
    }

    /// <summary>Nothing: closing a descriptor of a file undoes nothing for those that have another one.</summary>
    public void HandedOver()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The threads first: they use the server.
        foreach (Worker worker in _workers) worker.Dispose();
        _server.Dispose();
    }

    private static int Inodes(GuestMemory memory)
    {
        ulong bytes = 0;
        foreach (ref readonly GuestRegion region in memory.Regions) bytes += region.Length;
        return (int)Math.Clamp(bytes / MemoryForInode, LeastInodes, MostInodes);
    }
}
