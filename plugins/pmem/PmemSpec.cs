namespace Plugvisor.Plugins.Pmem;

/// <summary>Numbers of virtio 1.2 section 5.19, under its names.</summary>
internal static class PmemSpec
{
    /// <summary>Section 5.</summary>
    public const ushort VIRTIO_ID_PMEM = 27;

    /// <summary>struct virtio_pmem_config: le64 start, le64 size (5.19.4).</summary>
    public const int ConfigStart = 0, ConfigSize = 8, ConfigLength = 16;

    /// <summary>struct virtio_pmem_req: le32 type (5.19.6).</summary>
    public const uint VIRTIO_PMEM_REQ_TYPE_FLUSH = 0;

    /// <summary>struct virtio_pmem_resp: le32 ret (5.19.6).</summary>
    public const uint VIRTIO_PMEM_RESP_TYPE_OK = 0, VIRTIO_PMEM_RESP_TYPE_EIO = 1;

    /// <summary>Bytes of a request and of an answer.</summary>
    public const int RequestLength = 4, ResponseLength = 4;
}
