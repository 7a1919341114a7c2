namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// A plugin's declaration as compact JSON, written by the source generator and never by hand. The host reads it from the assembly's
/// metadata without loading the code. Its members are described in docs/adr/0004-declaration-in-metadata.md.
/// </summary>
/// <param name="json">The declaration.</param>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class PluginManifestAttribute(string json) : Attribute
{
    /// <summary>The declaration.</summary>
    public string Json { get; } = json;
}
