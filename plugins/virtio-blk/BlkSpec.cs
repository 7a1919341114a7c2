namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>Numbers of virtio 1.2 section 5.2 (block device), with its names.</summary>
internal static class BlkSpec
{
    public const ushort DeviceType = 2;

    // Feature bits, 5.2.3.
    public const int VIRTIO_BLK_F_SEG_MAX = 2;
    public const int VIRTIO_BLK_F_RO = 5;
    public const int VIRTIO_BLK_F_BLK_SIZE = 6;
    public const int VIRTIO_BLK_F_FLUSH = 9;
    public const int VIRTIO_BLK_F_TOPOLOGY = 10;
    public const int VIRTIO_BLK_F_CONFIG_WCE = 11;
    public const int VIRTIO_BLK_F_MQ = 12;
    public const int VIRTIO_BLK_F_DISCARD = 13;
    public const int VIRTIO_BLK_F_WRITE_ZEROES = 14;

    // Request types, 5.2.6.
    public const uint VIRTIO_BLK_T_IN = 0;
    public const uint VIRTIO_BLK_T_OUT = 1;
    public const uint VIRTIO_BLK_T_FLUSH = 4;
    public const uint VIRTIO_BLK_T_GET_ID = 8;
    public const uint VIRTIO_BLK_T_DISCARD = 11;
    public const uint VIRTIO_BLK_T_WRITE_ZEROES = 13;

    // Status byte, 5.2.6.
    public const byte VIRTIO_BLK_S_OK = 0;
    public const byte VIRTIO_BLK_S_IOERR = 1;
    public const byte VIRTIO_BLK_S_UNSUPP = 2;

    /// <summary>Flag of a write-zeroes segment: the range may be freed.</summary>
    public const uint VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP = 1;

    public const int SectorShift = 9;
    public const int SectorSize = 1 << SectorShift;

    /// <summary>struct virtio_blk_req up to its data: le32 type, le32 reserved, le64 sector.</summary>
    public const int HeaderSize = 16;

    /// <summary>struct virtio_blk_discard_write_zeroes: le64 sector, le32 num_sectors, le32 flags.</summary>
    public const int RangeSize = 16;

    public const int SerialSize = 20;

    // struct virtio_blk_config, 5.2.4: offsets of the members that are used, and where secure erase begins.
    public const int ConfigCapacity = 0;
    public const int ConfigSegMax = 12;
    public const int ConfigBlkSize = 20;
    public const int ConfigPhysicalBlockExp = 24;
    public const int ConfigMinIoSize = 26;
    public const int ConfigOptIoSize = 28;
    public const int ConfigWriteback = 32;
    public const int ConfigNumQueues = 34;
    public const int ConfigMaxDiscardSectors = 36;
    public const int ConfigMaxDiscardSeg = 40;
    public const int ConfigDiscardSectorAlignment = 44;
    public const int ConfigMaxWriteZeroesSectors = 48;
    public const int ConfigMaxWriteZeroesSeg = 52;
    public const int ConfigWriteZeroesMayUnmap = 56;
    public const int ConfigLength = 60;
}
