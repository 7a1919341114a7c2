using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.VhostUser.Devices;

/// <summary>
/// Keeps a back end in step with what driver and host want of a device. Those who want something only say so (this file); one thread, which starts
/// with the first wish, does what is missing, and does all of it again for a back end that has come back (the other files). So nobody else ever waits
/// for a back end, except who stops a queue.
/// </summary>
internal sealed partial class BackEndLink : IDisposable
{
    private readonly Lock _lock = new();
    private readonly string _id;
    private readonly VhostUserOptions _options;
    private readonly IDeviceHost _host;
    private readonly Ring[] _rings;
    private readonly Epoll _epoll = new();
    private readonly EventFd _wake = new(), _abort = new();
    private readonly byte[] _config;     // under the lock

    // What is wanted, under the lock.
    private IVirtioTransport? _transport;
    private ulong _features;
    private bool _active, _resetAsked, _exit;
    private int _dirtyStart, _dirtyEnd;  // of _config: written by the driver and not told yet
    private Thread? _thread;

    /// <summary>Connects, or goes on with the connection of an earlier instance.</summary>
    /// <param name="request">The device's id, and what an earlier instance left.</param>
    /// <param name="options">What is expected of the back end.</param>
    /// <param name="features">Virtio feature bits to offer where the back end has them.</param>
    /// <param name="host">The device's world.</param>
    /// <exception cref="DeviceException">There is no such back end, or guest memory is not shared.</exception>
    public BackEndLink(DeviceRequest request, VhostUserOptions options, ulong features, IDeviceHost host)
    {
        _id = request.Id;
        _options = options;
        _host = host;
        _config = new byte[options.HasConfigFromBackEnd ? options.ConfigLength : 0];
        _rings = new Ring[options.QueueSizes.Count];
        for (int i = 0; i < _rings.Length; i++) _rings[i] = new Ring();
        try
        {
            CheckMemory();
            _epoll.Set(_wake.Descriptor, EpollEvents.Readable, WakeEvent);
            if (request.SavedState.IsEmpty)
            {
                _session = Connect(options.ConnectPatience);
                OfferedFeatures = features & _session.Features;
            }
            else
            {
                OfferedFeatures = Continue(LinkState.From(request.SavedState.Span), request.Inherited, features);
            }

            if (_session is { } session)
            {
                if (WhatIsMissing(session) is { } missing) throw new DeviceException($"{Me}: the back end at {options.SocketPath} {missing}");
                ReadConfigOf(session);
                Watch(session);
            }
        }
        catch (VhostUserException e)
        {
            Release();
            throw new DeviceException($"{Me}: the back end at {options.SocketPath} {e.Message}", e);
        }
        catch (LinuxException e)
        {
            Release();
            throw new DeviceException($"{Me}: the back end at {options.SocketPath} cannot be used", e);
        }
        catch
        {
            Release();
            throw;
        }

        host.Counters.AddGauge("backend_connected", () => Volatile.Read(ref _session) is null ? 0ul : 1ul);
        host.Counters.AddGauge("backend_reconnects", () => Volatile.Read(ref _reconnects));
    }

    /// <summary>Virtio feature bits that the driver may be offered; they stay the same whichever back end comes later.</summary>
    public ulong OfferedFeatures { get; }

    private string Me => $"device {_id}";

    /// <summary>The back end's config space as it was last seen. Any thread.</summary>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        lock (_lock)
        {
            if (offset + destination.Length <= _config.Length) _config.AsSpan(offset, destination.Length).CopyTo(destination);
        }
    }

    /// <summary>The driver writes; the back end hears of it in time. However much is written, one range is kept.</summary>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        lock (_lock)
        {
            if (offset + source.Length > _config.Length) return;
            source.CopyTo(_config.AsSpan(offset));
            bool clean = _dirtyStart == _dirtyEnd;
            _dirtyStart = clean ? offset : Math.Min(_dirtyStart, offset);
            _dirtyEnd = clean ? offset + source.Length : Math.Max(_dirtyEnd, offset + source.Length);
            Wake();
        }
    }

    /// <summary>DRIVER_OK.</summary>
    public void Activate(ulong features, IVirtioTransport transport)
    {
        lock (_lock)
        {
            _features = features;
            _transport = transport;
            _active = true;
            Wake();
        }
    }

    /// <summary>A ring is to be served.</summary>
    public void StartQueue(int index, QueueResources resources)
    {
        if (resources.Addresses is null) throw new InvalidOperationException($"{Me} was given queue {index} without its addresses, which a vhost-user back end needs");
        lock (_lock)
        {
            Ring ring = _rings[index];
            ring.Stopped.Reset();
            ring.Resources = resources;
            ring.IsWanted = true;
            Wake();
        }
    }

    /// <summary>A ring is not to be served any more.</summary>
    /// <param name="index">The ring.</param>
    /// <param name="patience">How long to wait for that, or <see cref="Timeout.InfiniteTimeSpan"/>: it is bounded by what a back end may take.</param>
    /// <param name="state">Where it stands, when the answer is true.</param>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state)
    {
        Ring ring = _rings[index];
        lock (_lock)
        {
            if (ring.IsWanted)
            {
                ring.IsWanted = false;
                Wake();
            }
        }

        bool stopped = ring.Stopped.TryWait(patience, s_spin);
        state = stopped ? ring.State : default;
        return stopped;
    }

    /// <summary>The driver has reset the device. All rings were stopped before.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _active = false;
            _transport = null;
            _resetAsked = true;
            if (_thread is not null) Wake();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Thread? thread;
        lock (_lock)
        {
            _exit = true;
            thread = _thread;
            _wake.Signal();
            _abort.Signal();   // wakes the thread out of a request that is not answered
        }

        thread?.Join();
        Release();
    }

    /// <summary>Under the lock.</summary>
    private void Wake()
    {
        ObjectDisposedException.ThrowIf(_exit, this);
        _isLent = false;   // the successor came to nothing
        if (_thread is null) _thread = _host.StartThread($"{_id}_vhost", Run);
        else _wake.Signal();
    }

    private void CheckMemory()
    {
        foreach (Plugvisor.Abstractions.Memory.GuestRegion region in _host.Memory.Regions)
        {
            if (region.BackingFd < 0)
                throw new DeviceException($"{Me}: guest memory cannot be given to a vhost-user back end; use --memory shared=on (or hugepages=on)");
        }
    }

    private void Release()
    {
        _session?.Dispose();
        _inflight?.Dispose();
        foreach (Ring ring in _rings) ring.Dispose();
        _wake.Dispose();
        _abort.Dispose();
        _epoll.Dispose();
    }
}
