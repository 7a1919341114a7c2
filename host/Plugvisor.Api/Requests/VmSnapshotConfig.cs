using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.snapshot</c> takes.</summary>
[ConfigObject]
internal sealed partial class VmSnapshotConfig
{
    /// <summary>Where the files go, <c>file://DIRECTORY</c>.</summary>
    [ConfigMember("destination_url", Help = "Where the files go: file://DIRECTORY")]
    public required string DestinationUrl { get; init; }
}
