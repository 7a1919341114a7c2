using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>The device: one port, a queue for each direction, and the size of the terminal.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, ICompletesConfig, IHandsOver
{
    private const ushort VIRTIO_ID_CONSOLE = 3;          // section 5
    private const int VIRTIO_CONSOLE_F_SIZE = 0;         // section 5.3.3
    private const int ReceiveQueue = 0;                  // section 5.3.2: named from the driver's side
    private const ushort QueueSize = 256;

    private readonly ICharacterBackend _backend;
    private readonly ITerminalLease? _attachment;
    private readonly ITerminalService? _terminal;
    private readonly InputWorker _input;
    private readonly OutputWorker _output;
    private readonly ulong _droppedBefore;
    private ReadOnlyMemory<byte> _restored;              // output of an earlier instance, until a queue starts: that one may yet go on
    private IVirtioTransport? _transport;
    private uint _size;                                  // columns, and rows in the upper half; one word, so never torn

    /// <summary>Connects to the other side.</summary>
    /// <exception cref="DeviceException">It cannot be opened.</exception>
    public Device(DeviceRequest request, Config config, IDeviceHost host)
    {
        string id = request.Id;
        State? saved = State.From(request.SavedState);
        if (config.Mode == ConsoleMode.Tty) _terminal = host.Service<ITerminalService>();
        _attachment = _terminal?.Attach(id, OnResize);
        try
        {
            _backend = Backend.Open(id, config, _attachment, request.Inherited);
        }
        catch (DeviceException)
        {
            _attachment?.Dispose();
            throw;
        }

        if (_backend.Path is { } path) CompletedConfig = [new("file", path)];

        OnResize();
        _droppedBefore = saved?.Dropped ?? 0;
        var metrics = new Metrics(host.Counters, _backend, _droppedBefore);
        _input = new InputWorker(id, _backend, metrics, saved is null ? default : saved.Keys.Span, host);
        _restored = saved?.Output ?? default;
        _output = new OutputWorker(id, _backend, metrics, host);
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; } = new()
    {
        DeviceType = VIRTIO_ID_CONSOLE,
        Features = VirtioFeatures.Mask(VIRTIO_CONSOLE_F_SIZE),
        QueueSizes = [QueueSize, QueueSize],
        ConfigLength = Marshal.SizeOf<ConfigSpace>(),
    };

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, string>> CompletedConfig { get; } = [];

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        uint size = Volatile.Read(ref _size);
        var space = new ConfigSpace { Columns = (ushort)size, Rows = (ushort)(size >> 16), MaxPorts = 1 };
        MemoryMarshal.AsBytes(new ReadOnlySpan<ConfigSpace>(in space)).Slice(offset, destination.Length).CopyTo(destination);
    }

    /// <summary>Nothing is writable: emergency write is not offered.</summary>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source) { }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport) => Volatile.Write(ref _transport, transport);

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources)
    {
        if (!_restored.IsEmpty) _backend.Write(_restored.Span);
        _restored = default;
        if (index == ReceiveQueue) _input.Start(resources);
        else _output.Start(resources);
    }

    /// <inheritdoc/>
    public QueueState StopQueue(int index) => index == ReceiveQueue ? _input.Stop() : _output.Stop();

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state) =>
        index == ReceiveQueue ? _input.TryStop(patience, out state) : _output.TryStop(patience, out state);

    /// <inheritdoc/>
    public void Reset() => Volatile.Write(ref _transport, null);

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Save()
    {
        ReadOnlyMemory<byte> output = !_restored.IsEmpty ? _restored : (_backend as StreamBackend)?.CopyPending() ?? [];
        return new State(_input.Waiting, output, _droppedBefore + _backend.DroppedBytes).ToBytes();
    }

    /// <inheritdoc/>
    public IReadOnlyList<SafeHandle> Handover => Backend.HandlesOf(_backend);

    /// <summary>What was pending is the successor's.</summary>
    public void HandedOver() => (_backend as StreamBackend)?.ForgetPending();

    /// <inheritdoc/>
    public void Dispose()
    {
        // The threads first: they use the other side. The terminal's mode last, when nobody writes any more.
        _input.Dispose();
        _output.Dispose();
        _backend.Dispose();
        _attachment?.Dispose();
    }

    /// <summary>On a thread of the host.</summary>
    private void OnResize()
    {
        TerminalSize size = _terminal?.Size ?? default;
        uint packed = size.Columns | (uint)size.Rows << 16;
        if (Interlocked.Exchange(ref _size, packed) != packed) Volatile.Read(ref _transport)?.SignalConfigChange();
    }

    /// <summary>struct virtio_console_config (section 5.3.4).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ConfigSpace
    {
        public ushort Columns, Rows;
        public uint MaxPorts, EmergencyWrite;
    }
}
