using Plugvisor.Abstractions.Devices;
using Plugvisor.Plugins.VirtioNet.Ports;
using Plugvisor.Virtio.Devices;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// The link's state as the guest sees it in the device's status (virtio 1.2 section 5.1.4). Any thread.
/// </summary>
/// <param name="ports">The host's ends.</param>
/// <param name="log">The device's log.</param>
internal sealed class Link(PortSet ports, IDeviceLog log)
{
    private IVirtioTransport? _transport;
    private int _status = NetSpec.VIRTIO_NET_S_LINK_UP;
    private bool _announces;

    /// <summary>VIRTIO_NET_S_ bits.</summary>
    public ushort Status => (ushort)Volatile.Read(ref _status);

    /// <summary>Goes on where an earlier instance stood. Before the driver can look.</summary>
    public void Restore(ushort status) => Volatile.Write(ref _status, status);

    /// <summary>The driver negotiated.</summary>
    /// <param name="transport">Tells the driver of changes.</param>
    /// <param name="announces">VIRTIO_NET_F_GUEST_ANNOUNCE.</param>
    public void Activate(IVirtioTransport transport, bool announces)
    {
        _announces = announces;
        Volatile.Write(ref _transport, transport);
    }

    /// <summary>Asks the driver to tell the network where it is now: after a restore or a migration.</summary>
    public void Announce()
    {
        if (!_announces) return;
        Interlocked.Or(ref _status, NetSpec.VIRTIO_NET_S_ANNOUNCE);
        Volatile.Read(ref _transport)?.SignalConfigChange();
    }

    /// <summary>The driver has done so.</summary>
    public void Announced() => Interlocked.And(ref _status, ~NetSpec.VIRTIO_NET_S_ANNOUNCE);

    /// <summary>The driver reset the device.</summary>
    public void Reset()
    {
        Announced();
        Volatile.Write(ref _transport, null);
    }

    /// <summary>
    /// A port says that its interface is gone: the guest sees its link go down, and what it sends is dropped.
    /// </summary>
    public void PortIsGone()
    {
        if ((Interlocked.And(ref _status, ~NetSpec.VIRTIO_NET_S_LINK_UP) & NetSpec.VIRTIO_NET_S_LINK_UP) == 0) return;
        log.Warn($"interface {ports.Name} is gone; the guest's link is down until the device is made anew");
        Volatile.Read(ref _transport)?.SignalConfigChange();
    }
}
