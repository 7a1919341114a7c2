using System.Net;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Linux.Network;

namespace Plugvisor.Plugins.VirtioNet;

/// <summary>A network device, as it stands in VmConfig's <c>net</c> and on <c>--net</c>.</summary>
[DeviceConfig("net", IdPrefix = "_net", Slot = 300, HotPluggable = true, Removable = true, Noun = "network device",
    Help = "A network device backed by a tap interface", Example = "tap=vmtap0,mac=2e:89:a8:e4:92:00,num_queues=2")]
[ConfigRule("IP provided without a mask", If = "ip", Needs = "mask")]
[ConfigRule("Mask provided without an IP", If = "mask", Needs = "ip")]
[ConfigRule("\"offload_tso\" and \"offload_ufo\" depend on \"offload_csum\"", If = "offload_tso", Needs = "offload_csum")]
[ConfigRule("\"offload_tso\" and \"offload_ufo\" depend on \"offload_csum\"", If = "offload_ufo", Needs = "offload_csum")]
[ConfigRule("No socket provided when using vhost-user", If = "vhost_user", Needs = "vhost_socket")]
[ConfigRule("Using vhost-user requires using shared memory or huge pages", If = "vhost_user", Needs = ConfigRuleAttribute.SharedMemory)]
[ConfigRule("Device does not support being placed behind IOMMU", If = "vhost_user", Excludes = "iommu")]
[ConfigRule("Rate limiting is not supported with vhost-user", If = "vhost_user", Excludes = "rate_limiter_config")]
internal sealed partial class Config
{
    /// <summary>The host's end: a tap interface, which is made if there is none of that name.</summary>
    [ConfigMember("tap", MaxLength = 15, Label = "Name of a tap interface", Help = "Tap interface, made if there is none of that name (default: a new vmtapN)")]
    public string? Tap { get; init; }

    /// <summary>Address of the host's end, when the interface is made.</summary>
    [ConfigMember("ip", Help = "IPv4 or IPv6 address for the host's end of a new interface")]
    public string? Ip { get; init; }

    /// <summary>Mask of its network.</summary>
    [ConfigMember("mask", Help = "Mask of its network, such as 255.255.255.0 or ffff:ffff:ffff:ffff::")]
    public string? Mask { get; init; }

    /// <summary>The guest's hardware address.</summary>
    [ConfigMember("mac", Help = "Hardware address for the guest (default: a random one that begins with 2e)")]
    public string? Mac { get; init; }

    /// <summary>The host's hardware address.</summary>
    [ConfigMember("host_mac", Help = "Hardware address for the host's end")]
    public string? HostMac { get; init; }

    /// <summary>The largest packet.</summary>
    [ConfigMember("mtu", Min = 1280, RangeError = "Provided MTU {0} is lower than 1280 (expected by VIRTIO specification)", Unit = "bytes",
        Help = "MTU of both ends (default: the tap interface's)")]
    public ushort? Mtu { get; init; }

    /// <summary>Receive and transmit queues together.</summary>
    [ConfigMember("num_queues", Min = 2, RangeError = "Number of queues ({0}) to virtio_net should be higher than 2", QueuesPerVcpu = 2,
        Help = "Receive and transmit queues together: two for each pair, at most a pair for each vCPU at boot")]
    public int QueueCount { get; init; } = 2;

    /// <summary>Entries of each queue.</summary>
    [ConfigMember("queue_size", PowerOfTwo = true, Help = "Entries of each queue, a power of two")]
    public ushort QueueSize { get; init; } = 256;

    /// <summary>Served by another process.</summary>
    [ConfigMember("vhost_user", Help = "Served by a vhost-user process")]
    public bool VhostUser { get; init; }

    /// <summary>Socket of that process.</summary>
    [ConfigMember("vhost_socket", Cli = "socket", IsPath = true, Help = "Socket of the vhost-user process")]
    public string? VhostSocket { get; init; }

    /// <summary>Who makes that socket.</summary>
    [ConfigMember("vhost_mode", Help = "Which end of the vhost-user socket this is")]
    public VhostMode VhostMode { get; init; } = VhostMode.Client;

    /// <summary>Open taps, one for each pair of queues.</summary>
    [ConfigMember("fds", Cli = "fd", IsDescriptor = true, Min = 3, RangeError = "Reserved fd number (<= 2): {0}",
        Help = "Descriptors of an open tap interface, one for each pair of queues: [3,4]")]
    public IReadOnlyList<int>? Descriptors { get; init; }

    /// <summary>Limits of each direction of each pair.</summary>
    [ConfigMember("rate_limiter_config", Cli = "", Help = "Limits of bandwidth and frames, for each direction of each pair of queues")]
    public RateLimiterConfig? RateLimiter { get; init; }

    /// <summary>Whether TCP segmentation may be left to the other end.</summary>
    [ConfigMember("offload_tso", Help = "Offer TCP segmentation offload")]
    public bool OffloadTso { get; init; } = true;

    /// <summary>Whether UDP fragmentation may be left to the other end.</summary>
    [ConfigMember("offload_ufo", Help = "Offer UDP fragmentation offload")]
    public bool OffloadUfo { get; init; } = true;

    /// <summary>Whether checksums may be left to the other end.</summary>
    [ConfigMember("offload_csum", Help = "Offer checksum offload; the other two need it")]
    public bool OffloadChecksum { get; init; } = true;

    /// <summary>Pairs of queues.</summary>
    public int Pairs => QueueCount / 2;

    /// <summary>What is wrong with it that its declaration cannot say, or null.</summary>
    public string? Problem()
    {
        if (QueueCount % 2 != 0) return $"Number of queues ({QueueCount}) to virtio_net must be even, as receive and transmit queues come in pairs";
        if (QueueCount > 2 * NetSpec.MaxPairs) return $"Number of queues ({QueueCount}) to virtio_net must not exceed {2 * NetSpec.MaxPairs}";
        if (Tap is { } tap && !IsInterfaceName(tap)) return $"'{tap}' cannot be the name of a network interface: no '/', no ':', no blanks";
        if (Descriptors is { Count: > 0 } fds && 2 * fds.Count != QueueCount) return DescriptorProblem(fds.Count);
        return AddressProblem() ?? MacProblem("mac", Mac) ?? MacProblem("host_mac", HostMac);
    }

    /// <summary>The words for a number of descriptors that does not fit.</summary>
    public string DescriptorProblem(int count) => $"Number of queues ({QueueCount}) to virtio_net does not match the number of FDs ({count})";

    /// <summary>The kernel's rule (dev_valid_name), but for an empty name, which stands for none.</summary>
    private static bool IsInterfaceName(string name)
    {
        foreach (char c in name)
        {
            if (c is '/' or ':' or ' ' or (>= '\t' and <= '\r')) return false;
        }

        return name is not ("." or "..");
    }

    private string? AddressProblem()
    {
        if (Ip is null || Mask is null) return null;
        if (!TryParse(Ip, out IPAddress? address)) return $"'{Ip}' is not an IP address";
        if (!TryParse(Mask, out IPAddress? mask) || mask.AddressFamily != address.AddressFamily || NetworkInterface.PrefixLength(mask) < 0)
            return $"'{Mask}' is not the mask of a network that {Ip} can be in";
        return null;
    }

    /// <summary>Without the short forms of IPv4 (<c>10.1</c>), which are a mistake more often than not.</summary>
    private static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IPAddress? address) =>
        IPAddress.TryParse(text, out address) && (text.Contains(':', StringComparison.Ordinal) || text.AsSpan().Count('.') == 3);

    private static string? MacProblem(string member, string? text)
    {
        if (text is null) return null;
        if (!MacAddress.TryParse(text, out MacAddress mac)) return $"'{text}' is not a hardware address; {member} is six bytes such as 2e:89:a8:e4:92:00";
        return mac.IsGroup || mac.Value == 0 ? $"{member} {text} is not the address of one station; its first byte has to be even, and not all may be zero" : null;
    }
}
