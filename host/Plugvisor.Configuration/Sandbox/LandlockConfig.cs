using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration.Sandbox;

/// <summary>A path that the VMM may use when it is sandboxed: an element of <c>landlock_rules</c> in VmConfig.</summary>
[ConfigObject]
public sealed partial class LandlockConfig
{
    /// <summary>A file or directory that exists.</summary>
    [ConfigMember("path", IsPath = true, Help = "File or directory")]
    public required string Path { get; init; }

    /// <summary>The letters <c>r</c> and <c>w</c>, one or both.</summary>
    [ConfigMember("access", Help = "r, w or rw")]
    public required string Access { get; init; }
}
