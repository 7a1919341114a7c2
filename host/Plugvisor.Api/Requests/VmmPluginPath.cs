using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vmm.load-plugin</c> takes.</summary>
[ConfigObject]
internal sealed partial class VmmPluginPath
{
    /// <summary>The plugin's folder.</summary>
    [ConfigMember("path", Help = "Absolute path of the plugin's folder")]
    public required string Path { get; init; }
}
