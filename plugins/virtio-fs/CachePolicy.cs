using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioFs;

/// <summary>What a guest may keep of a directory that the plugin serves.</summary>
internal enum CachePolicy
{
    [ConfigValue("auto", Help = "Names and attributes for a second, pages of a file until it has changed")] Auto,
    [ConfigValue("metadata", Help = "Names and attributes for a second; bytes go past the guest's page cache")] Metadata,
    [ConfigValue("none", Help = "Nothing: bytes go past the guest's page cache, and each name is asked for at each use")] None,
}
