using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.Sockets;
using Plugvisor.Linux.Threads;
using Plugvisor.VhostUser.Sessions;

namespace Plugvisor.VhostUser.Devices;

/// <content>
/// Going on in another instance. Most back ends take one front end in their life, so the successor gets the connection itself. Both instances have it for a
/// while; so that neither takes the other's answers, this one's thread keeps off it from <see cref="Save"/> on, until something is wanted of it again.
/// </content>
internal sealed unsafe partial class BackEndLink
{
    private static readonly TimeSpan s_parkPatience = TimeSpan.FromSeconds(2);

    private readonly WaitFlag _parked = new();
    private bool _isLent;    // under the lock

    /// <summary>What a successor needs. All rings were stopped before.</summary>
    /// <exception cref="DeviceException">The back end is in the middle of something.</exception>
    public byte[] Save()
    {
        lock (_lock)
        {
            if (_thread is not null)
            {
                _parked.Reset();
                _isLent = true;
                _wake.Signal();
            }
        }

        // The thread has nothing to wait for, unless it is just trying to reach a back end that came back.
        if (_isLent && !_parked.TryWait(s_parkPatience, s_spin))
        {
            lock (_lock) Wake();
            throw new DeviceException($"{Me}: its state cannot be saved while it waits for the back end at {_options.SocketPath}");
        }

        lock (_lock)
        {
            return new LinkState
            {
                Queues = _rings.Length,
                OfferedFeatures = OfferedFeatures,
                Terms = _session?.Terms,
                HasChannel = _session?.BackChannel is not null,
                Inflight = _inflight is { } inflight ? (inflight.Size, inflight.Offset) : null,
                Config = _config,
            }.ToBytes();
        }
    }

    /// <summary>The descriptors that belong to what <see cref="Save"/> gave.</summary>
    public IReadOnlyList<SafeHandle> Handover()
    {
        var handles = new List<SafeHandle>();
        if (_session is { } session)
        {
            handles.Add(session.Stream);
            if (session.BackChannel is { } channel) handles.Add(channel.Stream);
        }

        if (_inflight is { } inflight) handles.Add(inflight.Memory);
        return handles;
    }

    /// <summary>Goes on where another instance stood.</summary>
    /// <returns>The features that the driver was offered.</returns>
    private ulong Continue(LinkState state, IReadOnlyList<SafeHandle> inherited, ulong features)
    {
        if (state.Queues != _rings.Length || state.Config.Length != _config.Length)
            throw new DeviceException($"{Me}: the saved state is one of a device with {state.Queues} queues and {state.Config.Length} bytes of config space of the back end");
        ulong lacks = state.OfferedFeatures & ~features;
        if (lacks != 0) throw new DeviceException($"{Me}: the guest was offered the features 0x{lacks:x}, which this version of the plugin does not have");
        state.Config.CopyTo(_config, 0);
        if (inherited.Count == 0)
        {
            // Another process's; or nobody was there, which may still be so: the thread goes on trying then.
            if (state.Descriptors > 0) _session = Connect(_options.ConnectPatience);
            return state.OfferedFeatures;
        }

        if (inherited.Count != state.Descriptors)
            throw new DeviceException($"{Me}: {inherited.Count} descriptors came with a saved state that has {state.Descriptors}");
        int next = 0;
        if (state.Terms is { } terms)
        {
            UnixStream stream = UnixStream.Duplicate(inherited[next++]);
            UnixStream? channel = null;
            try
            {
                if (state.HasChannel) channel = UnixStream.Duplicate(inherited[next++]);
            }
            catch
            {
                stream.Dispose();
                throw;
            }

            _session = Session.Continue(stream, channel, terms, _abort, _options.RequestPatience);
        }

        if (state.Inflight is { } inflight) _inflight = new InflightMemory(FileDescriptor.Duplicate(inherited[next]), inflight.Size, inflight.Offset);
        return state.OfferedFeatures;
    }
}
