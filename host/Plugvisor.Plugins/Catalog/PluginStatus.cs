namespace Plugvisor.Plugins.Catalog;

/// <summary>What the catalog thinks of a plugin.</summary>
public enum PluginStatus
{
    /// <summary>It can be loaded.</summary>
    Ready,

    /// <summary>It fits, but a later directory has another of its kind.</summary>
    Replaced,

    /// <summary>It does not fit; the reason says why.</summary>
    Refused,

    /// <summary>It was unloaded, but something still refers to its code; the reason says what is known of it.</summary>
    Leaked,
}
