using System.Diagnostics;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.VhostUser.Sessions;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.VhostUser.Devices;

/// <content>The thread. Everything here belongs to it, once it runs; before that, to whoever makes the device.</content>
internal sealed partial class BackEndLink
{
    private const ulong WakeEvent = 0, SessionEvent = 1, BackChannelEvent = 2, RingEvents = 16;

    private static readonly TimeSpan s_spin = TimeSpan.FromMicroseconds(20);

    private readonly EpollEvent[] _ready = new EpollEvent[16];
    private readonly PollEntry[] _lentPoll = new PollEntry[1];
    private Session? _session;                // swapped under the lock
    private InflightMemory? _inflight;
    private GuestRegion[] _told = [];         // the memory table that the session has
    private bool _applied;                    // the session has the driver's features and memory
    private bool _refused;                    // the driver was told that it has to reset

    private void Run()
    {
        while (true)
        {
            SettleStops();
            bool isLent;
            lock (_lock)
            {
                if (_exit) return;
                isLent = _isLent;
            }

            try
            {
                if (_session is null && !isLent) TryReconnect();
                if (_session is { } session) Reconcile(session);
            }
            catch (VhostUserException e)
            {
                Lose(e.Message);
            }
            catch (LinuxException e)
            {
                Lose($"cannot be served: {e.Message}");   // out of descriptors, for example
            }

            SettleStops();
            if (isLent)
            {
                _parked.Set();
                AwaitWake();
                continue;
            }

            try
            {
                Await();
            }
            catch (VhostUserException e)
            {
                Lose(e.Message);
            }
        }
    }

    /// <summary>Does what is wanted and not done.</summary>
    private void Reconcile(Session session)
    {
        for (int i = 0; i < _rings.Length; i++)
        {
            if (_rings[i].IsServed && !IsWanted(i, out _)) StopRing(session, i);
        }

        bool reset, active;
        ulong features;
        byte[]? written = null;
        int writtenAt;
        lock (_lock)
        {
            reset = _resetAsked;
            _resetAsked = false;
            active = _active;
            features = _features;
            writtenAt = _dirtyStart;
            if (_dirtyStart < _dirtyEnd) written = _config[_dirtyStart.._dirtyEnd];
            _dirtyStart = _dirtyEnd = 0;
        }

        if (reset)
        {
            _refused = _applied = false;
            _inflight?.Dispose();   // "should retrieve a new one when vm reset" (VHOST_USER_GET_INFLIGHT_FD)
            _inflight = null;
            if (session.Has(ProtocolFeatures.ResetDevice)) session.ResetDevice();
        }

        if (written is not null && session.Has(ProtocolFeatures.Config)) session.WriteConfig(writtenAt, written);
        if (!active || _refused) return;
        if (!_applied) Apply(session, features);
        else if (!_host.Memory.Regions.SequenceEqual(_told)) TellMemory(session);
        for (int i = 0; i < _rings.Length; i++)
        {
            if (!_rings[i].IsServed && IsWanted(i, out QueueResources? resources)) StartRing(session, i, resources!);
        }
    }

    private void Apply(Session session, ulong features)
    {
        session.SetFeatures(features);
        if (session.Has(ProtocolFeatures.InflightMemory))
        {
            int size = 0;
            foreach (ushort entries in _options.QueueSizes) size = Math.Max(size, entries);
            _inflight ??= session.GetInflight(_rings.Length, size);
            session.SetInflight(_inflight, _rings.Length, size);
        }

        TellMemory(session);
        _applied = true;
    }

    private void TellMemory(Session session)
    {
        GuestRegion[] regions = _host.Memory.Regions.ToArray();
        session.SetMemory(regions);
        _told = regions;
    }

    private void AwaitWake()
    {
        _lentPoll[0] = new PollEntry(_wake.Descriptor, PollEvents.Readable);
        DescriptorPoll.Wait(_lentPoll, -1);
        _wake.Drain();
    }

    private void Await()
    {
        int timeout = -1;
        if (_session is null)
        {
            double left = (_retryAt - Stopwatch.GetTimestamp()) * 1000.0 / Stopwatch.Frequency;
            timeout = left <= 0 ? 0 : (int)left + 1;
        }

        int count = _epoll.Wait(_ready, timeout);
        for (int i = 0; i < count; i++)
        {
            switch (_ready[i].Data)
            {
                case WakeEvent:
                    _wake.Drain();
                    break;
                case SessionEvent:
                    _session?.CheckQuiet();
                    break;
                case BackChannelEvent:
                    if (_session is { BackChannel: { } channel } session && channel.Serve()) ConfigChanged(session);
                    break;
                default:
                    ulong ring = (_ready[i].Data - RingEvents) / EventsPerRing;
                    OnRingEvent((int)ring, (_ready[i].Data - RingEvents) % EventsPerRing);
                    break;
            }
        }
    }

    private void ConfigChanged(Session session)
    {
        ReadConfigOf(session);
        IVirtioTransport? transport;
        lock (_lock) transport = _transport;
        transport?.SignalConfigChange();
    }
}
