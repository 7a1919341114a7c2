using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioFs;

/// <summary>A shared directory, as it stands in VmConfig's <c>fs</c> and on <c>--fs</c>.</summary>
[DeviceConfig("fs", IdPrefix = "_fs", Slot = 600, HotPluggable = true, Removable = true, Iommu = false, Noun = "fs",
    Help = "A directory of the host, served by a vhost-user daemon (socket) or by the VMM itself (shared_dir)",
    Example = "tag=home,shared_dir=/srv/home,readonly=on")]
[ConfigRule("Both 'socket' (a vhost-user daemon) and 'shared_dir' (no daemon) provided: give one of them", If = "socket", Excludes = "shared_dir")]
[ConfigRule("Neither 'socket' (a vhost-user daemon) nor 'shared_dir' (no daemon) provided: give one of them", IfNot = "shared_dir", Needs = "socket")]
[ConfigRule("Using vhost-user requires using shared memory or huge pages", If = "socket", Needs = ConfigRuleAttribute.SharedMemory)]
[ConfigRule("'readonly' is for 'shared_dir'; a daemon has an option of its own", If = "readonly", Needs = "shared_dir")]
[ConfigRule("'cache' is for 'shared_dir'; a daemon has an option of its own", If = "cache=none", Needs = "shared_dir")]
[ConfigRule("'cache' is for 'shared_dir'; a daemon has an option of its own", If = "cache=metadata", Needs = "shared_dir")]
internal sealed partial class Config
{
    /// <summary>The name that the guest mounts.</summary>
    [ConfigMember("tag", MaxLength = FsSpec.TagLength, Label = "Tag", Help = "Name that the guest mounts, at most 36 bytes")]
    public required string Tag { get; init; }

    /// <summary>Socket of the daemon that serves the directory.</summary>
    [ConfigMember("socket", IsPath = true, Help = "Socket of a vhost-user daemon (virtiofsd) that serves the directory")]
    public string? Socket { get; init; }

    /// <summary>The directory, served by the plugin.</summary>
    [ConfigMember("shared_dir", IsPath = true, Help = "Directory to share, with no daemon")]
    public string? SharedDirectory { get; init; }

    /// <summary>The guest may not change anything.</summary>
    [ConfigMember("readonly", Help = "Refuse whatever would change the shared_dir")]
    public bool ReadOnly { get; init; }

    /// <summary>What the guest may keep.</summary>
    [ConfigMember("cache", Help = "What the guest may keep of the shared_dir")]
    public CachePolicy Cache { get; init; } = CachePolicy.Auto;

    /// <summary>Request queues, beside the one for urgent requests.</summary>
    [ConfigMember("num_queues", Min = 1, Max = 1024, QueuesPerVcpu = 1, Help = "Request queues, at most the vCPUs at boot")]
    public int QueueCount { get; init; } = 1;

    /// <summary>Entries of each queue.</summary>
    [ConfigMember("queue_size", PowerOfTwo = true, Help = "Entries of each queue, a power of two")]
    public ushort QueueSize { get; init; } = 1024;

    /// <summary>What is wrong with it that its declaration cannot say, or null.</summary>
    public string? Problem() => Tag.Length == 0 ? "Tag is empty, so that a guest could not mount it"
        : Socket is "" ? "No socket provided when using vhost-user"
        : SharedDirectory is "" ? "'shared_dir' is empty: give the directory to share"
        : null;
}
