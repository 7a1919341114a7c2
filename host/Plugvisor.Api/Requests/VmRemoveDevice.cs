using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.remove-device</c> takes.</summary>
[ConfigObject]
internal sealed partial class VmRemoveDevice
{
    /// <summary>The device's id.</summary>
    [ConfigMember("id", Help = "Device to remove")]
    public required string Id { get; init; }
}
