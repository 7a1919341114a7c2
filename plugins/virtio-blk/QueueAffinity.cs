using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>Where the thread of one queue may run.</summary>
[ConfigObject]
internal sealed partial class QueueAffinity
{
    /// <summary>The queue.</summary>
    [ConfigMember("queue_index", Help = "The queue")]
    public required ushort QueueIndex { get; init; }

    /// <summary>Host CPU numbers.</summary>
    [ConfigMember("host_cpus", Help = "Host CPUs")]
    public required IReadOnlyList<int> HostCpus { get; init; }
}
