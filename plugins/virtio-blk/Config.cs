using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>A disk, as it stands in VmConfig's <c>disks</c> and on <c>--disk</c>.</summary>
[DeviceConfig("disk", Section = "disks", IdPrefix = "_disk", Slot = 200, HotPluggable = true, Removable = true, Noun = "disk",
    Help = "A disk backed by a raw image or a block device", Example = "path=/images/root.raw,image_type=raw,direct=on")]
[ConfigRule("Disk path and vhost socket both provided", If = "path", Excludes = "vhost_socket")]
[ConfigRule("No socket provided when using vhost-user", If = "vhost_user", Needs = "vhost_socket")]
[ConfigRule("Using vhost-user requires using shared memory or huge pages", If = "vhost_user", Needs = ConfigRuleAttribute.SharedMemory)]
[ConfigRule("Device does not support being placed behind IOMMU", If = "vhost_user", Excludes = "iommu")]
[ConfigRule("Rate limiting is not supported with vhost-user", If = "vhost_user", Excludes = "rate_limiter_config,rate_limit_group")]
[ConfigRule("Invalid rate-limiter group", If = "rate_limit_group", Excludes = "rate_limiter_config")]
internal sealed partial class Config
{
    /// <summary>The image or block device.</summary>
    [ConfigMember("path", IsPath = true, Help = "Disk image or block device")]
    public string? Path { get; init; }

    /// <summary>The guest may not write.</summary>
    [ConfigMember("readonly", Help = "Refuse writes and open the image for reading only")]
    public bool ReadOnly { get; init; }

    /// <summary>I/O goes past the host's page cache.</summary>
    [ConfigMember("direct", Help = "Bypass the host's page cache (O_DIRECT)")]
    public bool Direct { get; init; }

    /// <summary>Request queues, each with a thread of its own.</summary>
    [ConfigMember("num_queues", Min = 1, Max = 1024, QueuesPerVcpu = 1, Help = "Request queues, at most the vCPUs at boot")]
    public int QueueCount { get; init; } = 1;

    /// <summary>Entries of each queue.</summary>
    [ConfigMember("queue_size", Min = 3, Max = 32768, RangeError = "Block queue size must be greater than 2: {0}", PowerOfTwo = true,
        Help = "Entries of each queue, a power of two")]
    public ushort QueueSize { get; init; } = 128;

    /// <summary>Served by another process.</summary>
    [ConfigMember("vhost_user", Help = "Served by a vhost-user process")]
    public bool VhostUser { get; init; }

    /// <summary>Socket of that process.</summary>
    [ConfigMember("vhost_socket", Cli = "socket", IsPath = true, Help = "Socket of the vhost-user process")]
    public string? VhostSocket { get; init; }

    /// <summary>Limits of this disk alone.</summary>
    [ConfigMember("rate_limiter_config", Cli = "", Help = "Limits of bandwidth and operations")]
    public RateLimiterConfig? RateLimiter { get; init; }

    /// <summary>Limits shared with other disks.</summary>
    [ConfigMember("rate_limit_group", Help = "Id of a --rate-limit-group to share the limits of")]
    public string? RateLimitGroup { get; init; }

    /// <summary>Do not use io_uring.</summary>
    [ConfigMember("disable_io_uring", Cli = "_disable_io_uring", Hidden = true, Help = "Use plain system calls in place of io_uring")]
    public bool DisableIoUring { get; init; }

    /// <summary>Accepted for compatibility; there is no such engine here.</summary>
    [ConfigMember("disable_aio", Cli = "_disable_aio", Hidden = true, Help = "Accepted; there is no AIO engine")]
    public bool DisableAio { get; init; }

    /// <summary>What GET_ID answers.</summary>
    [ConfigMember("serial", MaxLength = 20, Label = "Block device serial", Help = "Serial number, at most 20 bytes")]
    public string? Serial { get; init; }

    /// <summary>Host CPUs of the queues' threads.</summary>
    [ConfigMember("queue_affinity", Help = "Host CPUs for each queue's thread, as [queue@[cpus]]")]
    public IReadOnlyList<QueueAffinity>? Affinity { get; init; }

    /// <summary>Whether a qcow2 image may refer to others.</summary>
    [ConfigMember("backing_files", Help = "Allow the image to have backing files")]
    public bool BackingFiles { get; init; }

    /// <summary>Whether DISCARD and WRITE_ZEROES are offered; without it a raw file is allocated in full.</summary>
    [ConfigMember("sparse", Help = "Offer DISCARD and WRITE_ZEROES; off allocates the whole image at start")]
    public bool Sparse { get; init; } = true;

    /// <summary>Format of the image.</summary>
    [ConfigMember("image_type", Help = "Format of the image")]
    public ImageType ImageType { get; init; } = ImageType.Unknown;

    /// <summary>What the lock on the image covers.</summary>
    [ConfigMember("lock_granularity", Help = "Bytes that the image lock covers")]
    public LockGranularity LockGranularity { get; init; } = LockGranularity.ByteRange;
}
