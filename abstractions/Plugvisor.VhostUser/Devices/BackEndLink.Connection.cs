using System.Diagnostics;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Sockets;
using Plugvisor.Linux.Threads;
using Plugvisor.VhostUser.Protocol;
using Plugvisor.VhostUser.Sessions;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.VhostUser.Devices;

/// <content>The connection: made, lost and made again. The thread's, or before it runs whoever makes the device.</content>
internal sealed partial class BackEndLink
{
    private const int ENOENT = 2, EAGAIN = 11, ECONNREFUSED = 111;

    private static readonly TimeSpan s_connectPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_unnoticed = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_steady = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(60);

    private long _connectedAt = Stopwatch.GetTimestamp(), _retryAt, _warnedAt;
    private TimeSpan _retryPause = s_firstRetry;
    private ulong _reconnects;

    private ProtocolFeatures WantedProtocol =>
        ProtocolFeatures.MultipleQueues | ProtocolFeatures.ReplyAck | ProtocolFeatures.InflightMemory | ProtocolFeatures.ResetDevice
        | ProtocolFeatures.MemorySlots | (_options.HasConfigFromBackEnd ? ProtocolFeatures.Config | ProtocolFeatures.BackEndRequests : 0);

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

    private void ReadConfigOf(Session session)
    {
        if (_config.Length == 0) return;
        byte[] read = new byte[_config.Length];
        session.ReadConfig(read);
        lock (_lock) read.CopyTo(_config.AsSpan());
    }
}
