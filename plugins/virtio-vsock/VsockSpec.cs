namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>Numbers of virtio 1.2 section 5.10, with its names.</summary>
internal static class VsockSpec
{
    /// <summary>Section 5.</summary>
    public const ushort VIRTIO_ID_VSOCK = 19;

    /// <summary>The host's address (5.10.4).</summary>
    public const ulong HostCid = 2;

    // 5.10.2: named from the driver's side.
    public const int ReceiveQueue = 0, TransmitQueue = 1, EventQueue = 2;
    public const ushort QueueSize = 256;

    // 5.10.6: operations.
    public const ushort VIRTIO_VSOCK_OP_REQUEST = 1;
    public const ushort VIRTIO_VSOCK_OP_RESPONSE = 2;
    public const ushort VIRTIO_VSOCK_OP_RST = 3;
    public const ushort VIRTIO_VSOCK_OP_SHUTDOWN = 4;
    public const ushort VIRTIO_VSOCK_OP_RW = 5;
    public const ushort VIRTIO_VSOCK_OP_CREDIT_UPDATE = 6;
    public const ushort VIRTIO_VSOCK_OP_CREDIT_REQUEST = 7;

    /// <summary>5.10.6: the only type without VIRTIO_VSOCK_F_SEQPACKET.</summary>
    public const ushort VIRTIO_VSOCK_TYPE_STREAM = 1;

    // 5.10.6.6: whoever sends SHUTDOWN will not receive, will not send any more.
    public const uint VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE = 1;
    public const uint VIRTIO_VSOCK_SHUTDOWN_F_SEND = 2;
    public const uint ShutdownBoth = 3;

    /// <summary>5.10.6.7: struct virtio_vsock_event, whose only event says that all connections are gone.</summary>
    public const uint VIRTIO_VSOCK_EVENT_TRANSPORT_RESET = 0;
    public const int EventSize = 4;
}
