using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Network;
using Plugvisor.Plugins.VirtioNet.Ports;
using Plugvisor.Virtio.Devices;
using Plugvisor.Virtio.Queues;
using Plugvisor.Virtio.RateLimiting;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>A virtio network device (virtio 1.2 section 5.1) with a thread for each pair of queues and one for control.</summary>
internal sealed class Device : IVirtioDevice, IStopsInTime, ICompletesConfig, IHandsOver, Control.ICommands
{
    private const byte FirstByteOfRandomMac = 0x2e;

    private readonly PortSet _ports;
    private readonly Link _link;
    private readonly Worker[] _workers;
    private readonly Control _control;
    private readonly QueueResources?[] _idle;     // queues that exist, but not for what was negotiated
    private readonly byte[] _config = new byte[NetSpec.ConfigLength];
    private readonly IDeviceLog _log;
    private readonly RateLimiter?[] _limiters;    // of each pair: to the guest, from the guest
    private readonly bool _isHeir;                // an earlier instance in this process has set the kernel up
    private readonly Lock _settingsLock = new();  // guards the two below and the ioctls that follow from them
    private Settings _settings;
    private Settings? _restored;
    private ulong _features;

    private Device(string id, Config config, PortSet ports, State? saved, bool isHeir, IDeviceHost host)
    {
        _ports = ports;
        _log = host.Log;
        _link = new Link(ports, host.Log);
        _workers = new Worker[config.Pairs];
        _limiters = new RateLimiter?[2 * config.Pairs];
        for (int i = 0; i < _workers.Length; i++)
        {
            RateLimiter? receive = _limiters[2 * i] = Limiter(config, host), transmit = _limiters[2 * i + 1] = Limiter(config, host);
            _workers[i] = new Worker($"{id}_qp{i}", ports.Ports[i], _link, receive, transmit, host);
        }

        _control = new Control($"{id}_ctrl", this, host);

        int queues = 2 * config.Pairs + 1;
        var sizes = new ushort[queues];
        Array.Fill(sizes, config.QueueSize);
        _idle = new QueueResources?[queues];
        Traits = new VirtioTraits
        {
            DeviceType = NetSpec.DeviceType,
            Features = Features(config, ports),
            QueueSizes = sizes,
            ConfigLength = NetSpec.ConfigLength,
            PciClass = 0x0200,
        };

        MacAddress mac = saved?.Mac is { } known ? known : config.Mac is { } text && MacAddress.TryParse(text, out MacAddress given) ? given : MacAddress.Random(FirstByteOfRandomMac);
        CompletedConfig = config.Mac is null ? [new("mac", mac.ToString())] : [];
        mac.CopyTo(_config.AsSpan(NetSpec.ConfigMac));
        BinaryPrimitives.WriteUInt16LittleEndian(_config.AsSpan(NetSpec.ConfigMaxPairs), (ushort)config.Pairs);
        BinaryPrimitives.WriteUInt16LittleEndian(_config.AsSpan(NetSpec.ConfigMtu), (ushort)(saved?.Mtu ?? ports.Mtu ?? 0));

        _isHeir = isHeir && saved is not null;
        _restored = saved is { IsNegotiated: true } ? saved.Settings : null;
        _settings = _isHeir ? saved!.Settings : new Settings((ushort)config.Pairs, 0);
        if (!_isHeir) ApplyPairs(1);
        if (saved is null) return;
        if (_isHeir) _link.Restore(saved.Status);
        int limited = 0;
        foreach (RateLimiter? limiter in _limiters)
        {
            if (limiter is not null && limited < saved.Limits.Count) limiter.Restore(saved.Limits[limited++]);
        }
    }

    /// <inheritdoc/>
    public VirtioTraits Traits { get; }

    /// <inheritdoc/>
    public IReadOnlyList<KeyValuePair<string, string>> CompletedConfig { get; }

    /// <summary>What is in force now.</summary>
    public Settings Settings
    {
        get
        {
            lock (_settingsLock) return _settings;
        }
    }

    /// <summary>The host's ends, one for each pair.</summary>
    public IReadOnlyList<SafeHandle> Handover
    {
        get
        {
            var handles = new SafeHandle[_ports.Ports.Count];
            for (int i = 0; i < handles.Length; i++) handles[i] = _ports.Ports[i].Handle;
            return handles;
        }
    }

    private int ControlQueue => VirtioFeatures.Has(_features, NetSpec.VIRTIO_NET_F_MQ) ? 2 * _workers.Length : 2;

    private int PairsInNegotiation => VirtioFeatures.Has(_features, NetSpec.VIRTIO_NET_F_MQ) ? _workers.Length : 1;

    /// <summary>Opens the tap and makes the device.</summary>
    /// <exception cref="DeviceException">The tap cannot be used, or the config asks for what is not there.</exception>
    public static Device Open(DeviceRequest request, IDeviceHost host)
    {
        Config config = Config.From(request.Config);
        if (config.VhostUser || config.VhostSocket is not null)
            throw new DeviceException($"network device {request.Id}: vhost-user back ends are not there yet; give tap= or fd=, or neither for a new tap interface");
        if (config.Problem() is { } problem) throw new DeviceException($"network device {request.Id}: {problem}");
        PortSet ports = TapOpener.Open(request, config, host.Log);
        try
        {
            return Create(request, config, ports, host);
        }
        catch
        {
            foreach (IPort port in ports.Ports) port.Dispose();
            throw;
        }
    }

    /// <summary>Makes a device with these ends, which it disposes.</summary>
    public static Device Create(DeviceRequest request, Config config, PortSet ports, IDeviceHost host) =>
        new(request.Id, config, ports, State.From(request.SavedState.Span), request.Inherited.Count > 0, host);

    /// <inheritdoc/>
    public void ReadConfig(int offset, Span<byte> destination)
    {
        Span<byte> all = stackalloc byte[NetSpec.ConfigLength];
        _config.CopyTo(all);
        BinaryPrimitives.WriteUInt16LittleEndian(all[NetSpec.ConfigStatus..], _link.Status);
        all.Slice(offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public void WriteConfig(int offset, ReadOnlySpan<byte> source)
    {
        // Nothing is writable with VERSION_1 (5.1.4).
    }

    /// <inheritdoc/>
    public void Activate(ulong features, IVirtioTransport transport)
    {
        _features = features;
        _link.Activate(transport, VirtioFeatures.Has(features, NetSpec.VIRTIO_NET_F_GUEST_ANNOUNCE));
        bool merges = VirtioFeatures.Has(features, NetSpec.VIRTIO_NET_F_MRG_RXBUF);
        bool keepsFlags = VirtioFeatures.Has(features, NetSpec.VIRTIO_NET_F_GUEST_CSUM);
        bool bounded = (features & NetSpec.GuestSegmentation) == 0 && _ports.Mtu is not null;
        ulong longest = bounded ? (ulong)(NetSpec.HeaderSize + NetSpec.EthernetOverhead + _ports.Mtu!.Value) : NetSpec.MaxFrame;
        foreach (Worker worker in _workers) worker.Negotiated(merges, keepsFlags, longest);

        // A driver begins with one pair and all the offloads that it took (5.1.6.5.5, 5.1.6.5.6); one that was restored goes on.
        ulong offloads = features & NetSpec.GuestOffloads;
        int pairs = 1;
        if (_restored is { } restored)
        {
            offloads &= restored.Offloads;
            pairs = Math.Clamp((int)restored.Pairs, 1, PairsInNegotiation);
            _restored = null;
            // The network knows where the guest is, where the instance is all that has changed.
            if (!_isHeir) _link.Announce();
        }

        ApplyOffloads(offloads);
        ApplyPairs(pairs);
    }

    /// <inheritdoc/>
    public void StartQueue(int index, QueueResources resources)
    {
        if (index == ControlQueue) _control.Start(resources);
        else if (index < 2 * PairsInNegotiation) _workers[index / 2].Start(index % 2, resources);
        else _idle[index] = resources;
    }

    /// <inheritdoc/>
    public QueueState StopQueue(int index)
    {
        if (index == ControlQueue) return _control.Stop();
        if (index < 2 * PairsInNegotiation) return _workers[index / 2].Stop(index % 2);
        return _idle[index]?.Queue.State ?? default;
    }

    /// <inheritdoc/>
    public bool TryStopQueue(int index, TimeSpan patience, out QueueState state)
    {
        if (index == ControlQueue) return _control.TryStop(patience, out state);
        if (index < 2 * PairsInNegotiation) return _workers[index / 2].TryStop(index % 2, patience, out state);
        state = StopQueue(index);
        return true;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _features = 0;
        Array.Clear(_idle);
        _link.Reset();
        ApplyPairs(1);
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Save()
    {
        var limits = new List<RateLimiterLevel>();
        foreach (RateLimiter? limiter in _limiters)
        {
            if (limiter is not null) limits.Add(limiter.Level);
        }

        int mtu = BinaryPrimitives.ReadUInt16LittleEndian(_config.AsSpan(NetSpec.ConfigMtu));
        return new State(Settings)
        {
            IsNegotiated = _features != 0,
            Mac = MacAddress.From(_config.AsSpan(NetSpec.ConfigMac, MacAddress.Size)),
            Status = _link.Status,
            Mtu = mtu == 0 ? null : mtu,
            Limits = limits,
        }.ToBytes();
    }

    /// <summary>Closing the ends is all that Dispose does, and their interface lives on with the successor's.</summary>
    public void HandedOver() { }

    /// <inheritdoc/>
    public bool SetPairs(int pairs)
    {
        if (!VirtioFeatures.Has(_features, NetSpec.VIRTIO_NET_F_MQ) || pairs < 1 || pairs > _workers.Length) return false;
        return ApplyPairs(pairs);
    }

    /// <inheritdoc/>
    public bool SetOffloads(ulong features)
    {
        if (!VirtioFeatures.Has(_features, NetSpec.VIRTIO_NET_F_CTRL_GUEST_OFFLOADS)) return false;
        return (features & ~(_features & NetSpec.GuestOffloads)) == 0 && ApplyOffloads(features);
    }

    /// <inheritdoc/>
    public bool Announced()
    {
        _link.Announced();
        return VirtioFeatures.Has(_features, NetSpec.VIRTIO_NET_F_GUEST_ANNOUNCE);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _control.Dispose();
        foreach (Worker worker in _workers) worker.Dispose();
    }

    private bool ApplyPairs(int pairs)
    {
        lock (_settingsLock)
        {
            // Growing from the front, shrinking from the end: the pairs in use are always the first ones.
            while (_settings.Pairs < pairs)
            {
                if (Refused(_ports.Ports[_settings.Pairs].SetAttached(true), "put in use")) return false;
                _workers[_settings.Pairs].Wake();
                _settings = _settings with { Pairs = (ushort)(_settings.Pairs + 1) };
            }

            while (_settings.Pairs > pairs)
            {
                if (Refused(_ports.Ports[_settings.Pairs - 1].SetAttached(false), "put out of use")) return false;
                _settings = _settings with { Pairs = (ushort)(_settings.Pairs - 1) };
            }

            return true;
        }
    }

    private bool ApplyOffloads(ulong features)
    {
        lock (_settingsLock)
        {
            if (_settings.Offloads == features) return true;
            var offloads = TapOffloads.None;
            if (VirtioFeatures.Has(features, NetSpec.VIRTIO_NET_F_GUEST_CSUM))
            {
                offloads = TapOffloads.Checksum;
                if (VirtioFeatures.Has(features, NetSpec.VIRTIO_NET_F_GUEST_TSO4)) offloads |= TapOffloads.Tso4;
                if (VirtioFeatures.Has(features, NetSpec.VIRTIO_NET_F_GUEST_TSO6)) offloads |= TapOffloads.Tso6;
                if (VirtioFeatures.Has(features, NetSpec.VIRTIO_NET_F_GUEST_ECN)) offloads |= TapOffloads.TsoEcn;
                if (VirtioFeatures.Has(features, NetSpec.VIRTIO_NET_F_GUEST_UFO)) offloads |= TapOffloads.Ufo;
            }

            if (Refused(_ports.Ports[0].SetOffloads(offloads), $"given the offloads {offloads}")) return false;
            _settings = _settings with { Offloads = features };
            return true;
        }
    }

    private bool Refused(int result, string what)
    {
        if (result >= 0) return false;
        _log.GuestTriggered($"interface {_ports.Name} cannot be {what} (errno {-result})");
        return true;
    }

    private static ulong Features(Config config, PortSet ports)
    {
        ulong features = Mask(
            VirtioFeatures.VIRTIO_F_EVENT_IDX, VirtioFeatures.VIRTIO_F_INDIRECT_DESC, NetSpec.VIRTIO_NET_F_MAC, NetSpec.VIRTIO_NET_F_MRG_RXBUF,
            NetSpec.VIRTIO_NET_F_STATUS, NetSpec.VIRTIO_NET_F_CTRL_VQ, NetSpec.VIRTIO_NET_F_GUEST_ANNOUNCE);
        if (ports.Mtu is not null) features |= Mask(NetSpec.VIRTIO_NET_F_MTU);
        if (config.Pairs > 1) features |= Mask(NetSpec.VIRTIO_NET_F_MQ);
        if (!config.OffloadChecksum) return features;
        features |= Mask(NetSpec.VIRTIO_NET_F_CSUM, NetSpec.VIRTIO_NET_F_GUEST_CSUM, NetSpec.VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
        if (config.OffloadTso)
        {
            features |= Mask(
                NetSpec.VIRTIO_NET_F_HOST_TSO4, NetSpec.VIRTIO_NET_F_HOST_TSO6, NetSpec.VIRTIO_NET_F_HOST_ECN,
                NetSpec.VIRTIO_NET_F_GUEST_TSO4, NetSpec.VIRTIO_NET_F_GUEST_TSO6, NetSpec.VIRTIO_NET_F_GUEST_ECN);
        }

        if (config.OffloadUfo) features |= Mask(NetSpec.VIRTIO_NET_F_HOST_UFO, NetSpec.VIRTIO_NET_F_GUEST_UFO);
        return features;
    }

    private static ulong Mask(params ReadOnlySpan<int> bits)
    {
        ulong mask = 0;
        foreach (int bit in bits) mask |= VirtioFeatures.Mask(bit);
        return mask;
    }

    private static RateLimiter? Limiter(Config config, IDeviceHost host)
    {
        if (config.RateLimiter is not { } limits) return null;
        var limiter = new RateLimiter(Bucket(limits.Bandwidth), Bucket(limits.Ops), host.Clock);
        return limiter.IsLimiting ? limiter : null;
    }

    private static TokenBucket? Bucket(TokenBucketConfig? bucket) =>
        bucket is null ? null : TokenBucket.Create(bucket.Size, bucket.OneTimeBurst ?? 0, bucket.RefillTime);
}
