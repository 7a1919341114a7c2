using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vmm.unload-plugin</c> and <c>vmm.reload-plugin</c> take.</summary>
[ConfigObject]
internal sealed partial class VmmPluginId
{
    /// <summary>The plugin.</summary>
    [ConfigMember("id", Help = "The plugin's name, or the path of its folder")]
    public required string Id { get; init; }
}
