using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Api.Requests;

/// <summary>What <c>vm.restore</c> takes.</summary>
[ConfigObject]
internal sealed partial class RestoreConfig
{
    /// <summary>Where the files are, <c>file://DIRECTORY</c>.</summary>
    [ConfigMember("source_url", Help = "Where the files are: file://DIRECTORY")]
    public required string SourceUrl { get; init; }

    /// <summary>All memory is read before the VM goes on.</summary>
    [ConfigMember("prefault", Help = "Read all memory before the VM goes on")]
    public bool Prefault { get; init; }

    /// <summary>The VM goes on at once.</summary>
    [ConfigMember("resume", Help = "Let the VM go on at once")]
    public bool Resume { get; init; }
}
