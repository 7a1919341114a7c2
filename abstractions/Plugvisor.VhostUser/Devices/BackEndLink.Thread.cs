using System.Diagnostics;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Sockets;
using Plugvisor.Linux.Threads;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.VhostUser.Sessions;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.VhostUser.Devices;

/// <content>The thread. Everything here belongs to it, once it runs; before that, to whoever makes the device.</content>
internal sealed unsafe partial class BackEndLink
{
    private const int ENOENT = 2, EAGAIN = 11, ECONNREFUSED = 111;
    private const ulong WakeEvent = 0, SessionEvent = 1, BackChannelEvent = 2, RingEvents = 16;
    private const ulong ErrorEvent = 0, RelayEvent = 1, ChangedEvent = 2, EventsPerRing = 4;

    private static readonly TimeSpan s_connectPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_unnoticed = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_steady = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_spin = TimeSpan.FromMicroseconds(20);

    private readonly EpollEvent[] _ready = new EpollEvent[16];
    private readonly PollEntry[] _lentPoll = new PollEntry[1];
    private Session? _session;                // swapped under the lock
    private InflightMemory? _inflight;
    private GuestRegion[] _told = [];         // the memory table that the session has
    private bool _applied;                    // the session has the driver's features and memory
    private bool _refused;                    // the driver was told that it has to reset
    private long _connectedAt = Stopwatch.GetTimestamp(), _retryAt, _warnedAt;
    private TimeSpan _retryPause = s_firstRetry;
    private ulong _reconnects;

    private ProtocolFeatures WantedProtocol =>
        ProtocolFeatures.MultipleQueues | ProtocolFeatures.ReplyAck | ProtocolFeatures.InflightMemory | ProtocolFeatures.ResetDevice
        | ProtocolFeatures.MemorySlots | (_options.HasConfigFromBackEnd ? ProtocolFeatures.Config | ProtocolFeatures.BackEndRequests : 0);

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

    private void StartRing(Session session, int index, QueueResources resources)
    {
        Ring ring = _rings[index];
        RingAddresses ringAt = resources.Addresses!.Value;
        // What a lost back end had taken and not given back is taken again: it processes in order, or keeps what it took in the memory for that,
        // which starts from the used index as well (section "Inflight I/O tracking").
        ushort next = ring.IsOrphan ? UsedIndex(ringAt) : resources.Queue.State.NextAvail;
        session.SetRing(index, resources.Queue.Size, next, Translate(ringAt.Descriptors), Translate(ringAt.Available), Translate(ringAt.Used));
        ring.Error ??= WatchedEvent(index, ErrorEvent);
        ring.Error.Drain();
        session.SetError(index, ring.Error.Descriptor);
        SetCall(session, index, resources);
        session.StartRing(index, resources.Doorbell.Descriptor);
        ring.IsServed = true;
        resources.Doorbell.Signal();   // a ring starts with a kick (section "Ring states"), and there may be chains in it
        if (!ring.IsOrphan) return;
        ring.IsOrphan = false;
        resources.Interrupt.Signal();  // the lost one may have used chains and not said so
    }

    private void SetCall(Session session, int index, QueueResources resources)
    {
        Ring ring = _rings[index];
        if (resources.Interrupt is IInterruptTrigger trigger)
        {
            ring.Changed ??= WatchedEvent(index, ChangedEvent);
            // Asked for before it is read, so that no change is missed.
            trigger.NotifyChanges(ring.Changed);
            session.SetCall(index, trigger.Trigger?.Descriptor);
            return;
        }

        ring.Relay ??= WatchedEvent(index, RelayEvent);
        session.SetCall(index, ring.Relay.Descriptor);
    }

    private void StopRing(Session session, int index)
    {
        Ring ring = _rings[index];
        ushort next = session.StopRing(index, _options.StopPatience);
        ring.IsServed = false;
        if (ring.Relay is { } relay && relay.Drain() != 0) ring.Resources!.Interrupt.Signal();
        ring.State = new QueueState(next, UsedIndex(ring.Resources!.Addresses!.Value));
        Stopped(ring);
    }

    /// <summary>Rings that nobody serves, and nobody wants any more, are stopped.</summary>
    private void SettleStops()
    {
        for (int i = 0; i < _rings.Length; i++)
        {
            Ring ring = _rings[i];
            if (ring.IsServed || ring.Stopped.IsSet || IsWanted(i, out QueueResources? resources)) continue;
            if (ring.IsOrphan)
            {
                ushort used = UsedIndex(resources!.Addresses!.Value);
                ring.State = new QueueState(used, used);
            }
            else
            {
                ring.State = resources!.Queue.State;
            }

            Stopped(ring);
        }
    }

    private static void Stopped(Ring ring)
    {
        (ring.Resources!.Interrupt as IInterruptTrigger)?.NotifyChanges(null);
        ring.IsOrphan = false;
        ring.Stopped.Set();
    }

    private bool IsWanted(int index, out QueueResources? resources)
    {
        lock (_lock)
        {
            resources = _rings[index].Resources;
            return _rings[index].IsWanted;
        }
    }

    /// <summary>The session is over.</summary>
    private void Lose(string reason)
    {
        Session? lost = _session;
        lock (_lock) _session = null;
        lost?.Dispose();
        _applied = false;
        foreach (Ring ring in _rings)
        {
            ring.IsOrphan |= ring.IsServed;
            ring.IsServed = false;
        }

        // One that comes and goes all the time is asked for ever more rarely, and told of once a minute.
        if (Stopwatch.GetElapsedTime(_connectedAt) > s_steady) _retryPause = s_firstRetry;
        Postpone();
        Warn($"the back end at {_options.SocketPath} {reason}; waiting for it to come back");
    }

    private void Warn(string message)
    {
        lock (_lock)
        {
            if (_exit) return;
        }

        if (_warnedAt != 0 && Stopwatch.GetElapsedTime(_warnedAt) < s_quiet)
        {
            if (_host.Log.IsDebugEnabled) _host.Log.Debug(message);
            return;
        }

        _warnedAt = Stopwatch.GetTimestamp();
        _host.Log.Warn(message);
    }

    private void Postpone()
    {
        _retryAt = Stopwatch.GetTimestamp() + (long)(_retryPause.TotalSeconds * Stopwatch.Frequency);
        _retryPause = TimeSpan.FromTicks(Math.Min(_retryPause.Ticks * 2, _options.RetryPause.Ticks));
    }

    private void TryReconnect()
    {
        if (Stopwatch.GetTimestamp() < _retryAt) return;
        if (UnixStream.TryConnect(_options.SocketPath, out UnixStream? stream) != 0)
        {
            Postpone();
            return;
        }

        Session session;
        try
        {
            session = Session.Open(stream!, _abort, WantedProtocol, _options.RequestPatience);
        }
        catch (VhostUserException e)
        {
            Postpone();
            Warn($"the back end at {_options.SocketPath} came back, but {e.Message}; waiting for another one");
            return;
        }

        if (WhatIsMissing(session) is { } missing)
        {
            session.Dispose();
            Postpone();
            IVirtioTransport? transport;
            lock (_lock) transport = _active ? _transport : null;
            if (transport is not null && !_refused) transport.NeedsReset($"the back end that came back at {_options.SocketPath} {missing}");
            else Warn($"the back end that came back at {_options.SocketPath} {missing}; waiting for another one");
            _refused |= transport is not null;
            return;
        }

        lock (_lock) _session = session;
        Watch(session);
        ReadConfigOf(session);
        _connectedAt = Stopwatch.GetTimestamp();
        Volatile.Write(ref _reconnects, _reconnects + 1);
        _host.Log.Info($"connected to the back end at {_options.SocketPath} again");
    }

    /// <summary>Connects for the first time, and waits for somebody to listen.</summary>
    private Session Connect(TimeSpan patience)
    {
        Deadline deadline = Deadline.After(patience);
        var never = new WaitFlag();
        bool told = false;
        while (true)
        {
            int error;
            UnixStream? stream;
            try
            {
                error = UnixStream.TryConnect(_options.SocketPath, out stream);
            }
            catch (LinuxException e)
            {
                throw new DeviceException(Me, e);
            }

            if (error == 0) return Session.Open(stream!, _abort, WantedProtocol, _options.RequestPatience);
            if (error is not (ENOENT or ECONNREFUSED or EAGAIN) || deadline.NanosecondsLeft == 0)
            {
                string reason = $"{Marshal.GetPInvokeErrorMessage(error)} (errno {error})";
                string advice = _options.Advice is null ? "" : $"; {_options.Advice}";
                throw new DeviceException($"{Me}: nobody serves the vhost-user socket {_options.SocketPath}: {reason}{advice}");
            }

            if (!told && patience - TimeSpan.FromTicks(deadline.NanosecondsLeft / TimeSpan.NanosecondsPerTick) > s_unnoticed)
            {
                told = true;
                _host.Log.Warn($"nobody serves {_options.SocketPath} yet; waiting up to {patience.TotalSeconds:0.##} s for that");
            }

            never.TryWait(s_connectPause, TimeSpan.Zero);
        }
    }

    /// <returns>What a back end lacks, as the end of a sentence, or null.</returns>
    private string? WhatIsMissing(Session session)
    {
        ulong missing = OfferedFeatures & ~session.Features;
        if (!VirtioFeatures.Has(session.Features, VirtioFeatures.VIRTIO_F_VERSION_1)) return "does not speak virtio 1 (VIRTIO_F_VERSION_1)";
        if (missing != 0) return $"has not the features 0x{missing:x}, which the guest was offered";
        if (session.MaxQueues < (ulong)_rings.Length) return $"serves {session.MaxQueues} queues, and {_rings.Length} are needed; use a smaller num_queues";
        if (session.MaxRegions < (ulong)_host.Memory.Regions.Length)
            return $"takes {session.MaxRegions} memory regions, and the guest has {_host.Memory.Regions.Length}";
        if (_options.HasConfigFromBackEnd && !session.Has(ProtocolFeatures.Config)) return "does not give its config space (protocol feature CONFIG)";
        return null;
    }

    private void Watch(Session session)
    {
        _epoll.Set(session.Descriptor, EpollEvents.Readable, SessionEvent);
        if (session.BackChannel is { } channel) _epoll.Set(channel.Descriptor, EpollEvents.Readable, BackChannelEvent);
    }

    private EventFd WatchedEvent(int ring, ulong kind)
    {
        var made = new EventFd();
        _epoll.Set(made.Descriptor, EpollEvents.Readable, RingEvents + (ulong)ring * EventsPerRing + kind);
        return made;
    }

    private void ReadConfigOf(Session session)
    {
        if (_config.Length == 0) return;
        byte[] read = new byte[_config.Length];
        session.ReadConfig(read);
        lock (_lock) read.CopyTo(_config.AsSpan());
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

    private void OnRingEvent(int index, ulong kind)
    {
        Ring ring = _rings[index];
        if (kind == ErrorEvent)
        {
            ring.Error!.Drain();
            if (ring.IsServed) ring.Resources!.Queue.Break("the back end says that it cannot go on with the ring");
        }
        else if (kind == RelayEvent)
        {
            // Not of a ring that is stopped: its driver may have given the memory another use.
            if (ring.Relay!.Drain() != 0 && ring.IsServed) ring.Resources!.Interrupt.Signal();
        }
        else
        {
            ring.Changed!.Drain();
            if (ring.IsServed && _session is { } session) SetCall(session, index, ring.Resources!);
        }
    }

    private ulong Translate(ulong address)
    {
        if (!_host.Memory.TryTranslate(address, 1, out byte* pointer)) throw new VhostUserException("was to be given a ring outside of guest memory");
        return (ulong)pointer;
    }

    /// <summary>Index of the next used entry (virtio 1.2 section 2.7.8); the guest can write it, so it is the back end's to check.</summary>
    private ushort UsedIndex(RingAddresses ring)
    {
        if (!_host.Memory.TryTranslate(ring.Used + 2, sizeof(ushort), out byte* pointer)) return 0;
        // SAFETY: translated, and a used ring is aligned to 4.
        return Volatile.Read(ref *(ushort*)pointer);
    }
}
