using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.resize-disk</c> takes.</summary>
[ConfigObject]
internal sealed partial class VmResizeDisk
{
    /// <summary>The disk's id.</summary>
    [ConfigMember("id", Help = "Disk to resize")]
    public required string Id { get; init; }

    /// <summary>Bytes that it is to have.</summary>
    [ConfigMember("desired_size", ByteSize = true, Help = "Bytes that it is to have")]
    public required ulong DesiredSize { get; init; }
}
