using Plugvisor.Plugins.Declarations;

namespace Plugvisor.Plugins.Catalog;

/// <summary>A plugin folder that was looked at. Immutable once that is done.</summary>
public sealed class PluginEntry
{
    /// <summary>The folder's name.</summary>
    public required string Name { get; init; }

    /// <summary>The folder.</summary>
    public required string Folder { get; init; }

    /// <summary>The assembly with the manifest, or null where none was found.</summary>
    public string? AssemblyPath { get; init; }

    /// <summary>What the plugin declares, or null where that could not be read.</summary>
    public DeviceDeclaration? Declaration { get; init; }

    /// <summary>The manifest that <see cref="Declaration"/> was read from: UTF-8 JSON; empty where none was found.</summary>
    public ReadOnlyMemory<byte> Manifest { get; init; }

    /// <summary>Whether it can be loaded.</summary>
    public PluginStatus Status { get; internal set; }

    /// <summary>Why it is not ready, as a sentence that names what to do; null when it is.</summary>
    public string? Reason { get; internal set; }

    /// <summary>The same plugin after it was unloaded, as one whose code is still there.</summary>
    /// <param name="reason">What holds it, as far as is known.</param>
    public PluginEntry AsLeaked(string reason) => new()
    {
        Name = Name, Folder = Folder, AssemblyPath = AssemblyPath, Declaration = Declaration, Manifest = Manifest, Status = PluginStatus.Leaked, Reason = reason,
    };

    internal void Refuse(string reason)
    {
        Status = PluginStatus.Refused;
        Reason = reason;
    }
}
