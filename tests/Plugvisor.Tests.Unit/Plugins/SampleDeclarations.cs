using System.Text;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Tests.Unit.Generators;

namespace Plugvisor.Tests.Unit.Plugins;

/// <summary>Kinds that use everything a declaration can say, made by the real generator.</summary>
internal static class SampleDeclarations
{
    private static readonly Lazy<DeviceDeclaration> LazyDisk = new(() => Compile("""
        [DeviceConfig("disk", Section = "disks", Slot = 200, HotPluggable = true, Help = "Block device", Example = "path=/a.img")]
        [ConfigRule("Disk path and vhost socket both provided", If = "path", Excludes = "vhost_socket")]
        [ConfigRule("No socket provided when using vhost-user", If = "vhost_user", Needs = "vhost_socket")]
        [ConfigRule("Using vhost-user requires using shared memory or huge pages", If = "vhost_user", Needs = "@shared_memory")]
        [ConfigRule("Rate limiting is not supported with vhost-user", If = "vhost_user", Excludes = "rate_limiter_config,rate_limit_group")]
        [ConfigRule("Only raw images can be sparse here", If = "image_type=Qcow2", Excludes = "sparse")]
        public sealed partial class DiskConfig
        {
            [ConfigMember("path", IsPath = true, Help = "Image file")] public string? Path { get; init; }
            [ConfigMember("readonly")] public bool Readonly { get; init; }
            [ConfigMember("sparse")] public bool Sparse { get; init; } = true;
            [ConfigMember("num_queues", Min = 1, QueuesPerVcpu = 1)] public uint NumQueues { get; init; } = 1;
            [ConfigMember("queue_size", Min = 3, RangeError = "Block queue size must be greater than 2: {0}", PowerOfTwo = true)] public ushort QueueSize { get; init; } = 128;
            [ConfigMember("size", ByteSize = true, MultipleOf = 512)] public ulong? Size { get; init; }
            [ConfigMember("window", ByteSize = true)] public ulong Window { get; init; } = 2 << 20;
            [ConfigMember("offset", Max = 10)] public int Offset { get; init; } = -1;
            [ConfigMember("vhost_user")] public bool VhostUser { get; init; }
            [ConfigMember("vhost_socket", Cli = "socket")] public string? VhostSocket { get; init; }
            [ConfigMember("image_type")] public ImageType ImageType { get; init; } = ImageType.Unknown;
            [ConfigMember("rate_limit_group")] public string? Group { get; init; }
            [ConfigMember("rate_limiter_config")] public RateLimiterConfig? RateLimiterConfig { get; init; }
            [ConfigMember("queue_affinity")] public IReadOnlyList<QueueAffinity>? QueueAffinity { get; init; }
            [ConfigMember("bars", Max = 5)] public byte[]? Bars { get; init; }
            [ConfigMember("tags")] public string[]? Tags { get; init; }
            [ConfigMember("disable_aio", Cli = "_disable_aio", Hidden = true)] public bool DisableAio { get; init; }
            [ConfigMember("serial", MaxLength = 20, Label = "Block device serial")] public string? Serial { get; init; }
        }
        public enum ImageType { Raw, Qcow2, [ConfigValue("FixedVhd", Cli = "vhd")] FixedVhd, [ConfigValue("Unknown", NoCli = true)] Unknown }
        [ConfigObject] public sealed partial class QueueAffinity
        {
            [ConfigMember("queue_index")] public required ushort QueueIndex { get; init; }
            [ConfigMember("host_cpus")] public required IReadOnlyList<uint> HostCpus { get; init; }
        }
        """));

    private static readonly Lazy<DeviceDeclaration> LazyConsole = new(() => Compile("""
        [DeviceConfig("console", Cardinality = DeviceCardinality.Single, FixedId = "__console", Slot = 100, DefaultDevice = "tty", AbsentWhen = "mode=Off")]
        [ConfigRule("Path missing when using file console mode", If = "mode=File", Needs = "file")]
        public sealed partial class ConsoleConfig
        {
            [ConfigMember("mode", ValuesAreKeys = true)] public required Mode Mode { get; init; }
            [ConfigMember("file", IsPath = true, Help = "Output file")] public string? File { get; init; }
            [ConfigMember("socket", NoCli = true, IsPath = true)] public string? Socket { get; init; }
        }
        public enum Mode
        {
            [ConfigValue("Off", Help = "No console")] Off, Pty, Tty, Null,
            [ConfigValue("File", ValueInto = "file")] File, [ConfigValue("Socket", ValueInto = "socket")] Socket,
        }
        """));

    private static readonly Lazy<DeviceDeclaration> LazyRng = new(() => Compile("""
        [DeviceConfig("rng", Cardinality = DeviceCardinality.Single, FixedId = "__rng", Slot = 400, DefaultDevice = "src=/dev/urandom", Iommu = false)]
        public sealed partial class RngConfig
        {
            [ConfigMember("src", CliDefault = "/dev/urandom", IsPath = true)] public required string Source { get; init; }
        }
        """));

    private static readonly Lazy<DeviceDeclaration> LazyFs = new(() => Compile("""
        [DeviceConfig("fs", Iommu = false)]
        public sealed partial class FsConfig { [ConfigMember("tag")] public required string Tag { get; init; } }
        """));

    private static readonly Lazy<DeviceDeclaration> LazyWatchdog = new(() => Compile("""
        [DeviceConfig("watchdog", Cardinality = DeviceCardinality.Flag, FixedId = "__watchdog")]
        public sealed partial class WatchdogConfig;
        """));

    private static readonly Lazy<DeviceDeclaration> LazyShift = new(() => Compile("""
        [DeviceConfig("shift", Iommu = false)]
        public sealed partial class ShiftConfig
        {
            [ConfigMember("by", ByteSize = true)] public long By { get; init; } = -(512L << 20);
            [ConfigMember("little", ByteSize = true)] public int? Little { get; init; }
        }
        """));

    /// <summary>Sizes with a sign.</summary>
    public static DeviceDeclaration Shift => LazyShift.Value;

    public static DeviceDeclaration Disk => LazyDisk.Value;

    public static DeviceDeclaration Console => LazyConsole.Value;

    public static DeviceDeclaration Rng => LazyRng.Value;

    public static DeviceDeclaration Fs => LazyFs.Value;

    public static DeviceDeclaration Watchdog => LazyWatchdog.Value;

    private static DeviceDeclaration Compile(string source)
    {
        var run = GeneratorRun.Of(GeneratorRun.Entry + source);
        Xunit.Assert.Empty(run.Problems);
        return DeviceDeclaration.Parse(Encoding.UTF8.GetBytes(run.Manifest));
    }
}
