namespace Plugvisor.Plugins.VirtioNet;

/// <summary>Numbers of virtio 1.2 section 5.1 (network device), with its names.</summary>
internal static class NetSpec
{
    public const ushort DeviceType = 1;

    // Feature bits, 5.1.3.
    public const int VIRTIO_NET_F_CSUM = 0;
    public const int VIRTIO_NET_F_GUEST_CSUM = 1;
    public const int VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 2;
    public const int VIRTIO_NET_F_MTU = 3;
    public const int VIRTIO_NET_F_MAC = 5;
    public const int VIRTIO_NET_F_GUEST_TSO4 = 7;
    public const int VIRTIO_NET_F_GUEST_TSO6 = 8;
    public const int VIRTIO_NET_F_GUEST_ECN = 9;
    public const int VIRTIO_NET_F_GUEST_UFO = 10;
    public const int VIRTIO_NET_F_HOST_TSO4 = 11;
    public const int VIRTIO_NET_F_HOST_TSO6 = 12;
    public const int VIRTIO_NET_F_HOST_ECN = 13;
    public const int VIRTIO_NET_F_HOST_UFO = 14;
    public const int VIRTIO_NET_F_MRG_RXBUF = 15;
    public const int VIRTIO_NET_F_STATUS = 16;
    public const int VIRTIO_NET_F_CTRL_VQ = 17;
    public const int VIRTIO_NET_F_GUEST_ANNOUNCE = 21;
    public const int VIRTIO_NET_F_MQ = 22;

    // Configuration space, 5.1.4.
    public const int ConfigMac = 0;
    public const int ConfigStatus = 6;
    public const int ConfigMaxPairs = 8;
    public const int ConfigMtu = 10;
    public const int ConfigLength = 12;
    public const ushort VIRTIO_NET_S_LINK_UP = 1;
    public const ushort VIRTIO_NET_S_ANNOUNCE = 2;

    // struct virtio_net_hdr, 5.1.6.
    public const int HeaderSize = 12;
    public const int HeaderFlags = 0;
    public const int HeaderBufferCount = 10;

    // Control queue, 5.1.6.5.
    public const byte VIRTIO_NET_OK = 0;
    public const byte VIRTIO_NET_ERR = 1;
    public const byte VIRTIO_NET_CTRL_ANNOUNCE = 3;
    public const byte VIRTIO_NET_CTRL_ANNOUNCE_ACK = 0;
    public const byte VIRTIO_NET_CTRL_MQ = 4;
    public const byte VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET = 0;
    public const byte VIRTIO_NET_CTRL_GUEST_OFFLOADS = 5;
    public const byte VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET = 0;

    /// <summary>Destination, source and type: a shorter frame is none.</summary>
    public const int EthernetHeader = 14;

    /// <summary>What a frame can have beyond its packet of at most the MTU: its header, and two VLAN tags.</summary>
    public const int EthernetOverhead = EthernetHeader + 8;

    /// <summary>The longest header and frame: what one IP packet can be with segmentation offload, an Ethernet header and VLAN tags, rounded up.</summary>
    public const int MaxFrame = 72 * 1024;

    /// <summary>As many queues as the kernel gives a tap (MAX_TAP_QUEUES).</summary>
    public const int MaxPairs = 256;

    /// <summary>Features with which frames can be longer than the MTU.</summary>
    public const ulong GuestSegmentation =
        1ul << VIRTIO_NET_F_GUEST_TSO4 | 1ul << VIRTIO_NET_F_GUEST_TSO6 | 1ul << VIRTIO_NET_F_GUEST_UFO;

    /// <summary>The offloads that the driver can switch off and on by its control queue: feature bits.</summary>
    public const ulong GuestOffloads =
        1ul << VIRTIO_NET_F_GUEST_CSUM | 1ul << VIRTIO_NET_F_GUEST_TSO4 | 1ul << VIRTIO_NET_F_GUEST_TSO6
        | 1ul << VIRTIO_NET_F_GUEST_ECN | 1ul << VIRTIO_NET_F_GUEST_UFO;
}
