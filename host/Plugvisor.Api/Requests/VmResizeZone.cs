using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.resize-zone</c> takes.</summary>
[ConfigObject]
internal sealed partial class VmResizeZone
{
    /// <summary>The memory zone's id.</summary>
    [ConfigMember("id", Help = "Memory zone to resize")]
    public required string Id { get; init; }

    /// <summary>Bytes that it is to have.</summary>
    [ConfigMember("desired_ram", ByteSize = true, Help = "Bytes that it is to have")]
    public required ulong DesiredRam { get; init; }
}
