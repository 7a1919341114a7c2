using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.coredump</c> takes.</summary>
[ConfigObject]
internal sealed partial class VmCoredumpData
{
    /// <summary>The file, <c>file://PATH</c>.</summary>
    [ConfigMember("destination_url", Help = "The file: file://PATH")]
    public required string DestinationUrl { get; init; }
}
