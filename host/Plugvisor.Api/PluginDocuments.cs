using System.Text.Json;
using Plugvisor.Plugins.Catalog;

namespace Plugvisor.Api;

/// <summary>Writes what there is to tell about plugins as JSON.</summary>
internal static class PluginDocuments
{
    public static ReadOnlyMemory<byte> List(IReadOnlyList<PluginEntry> entries) => VmDocuments.Write(output =>
    {
        output.WriteStartArray();
        foreach (PluginEntry entry in entries) Write(output, entry);
        output.WriteEndArray();
    });

    public static ReadOnlyMemory<byte> One(PluginEntry entry) => VmDocuments.Write(output => Write(output, entry));

    /// <summary>What came of unloading.</summary>
    /// <param name="name">The plugin.</param>
    /// <param name="leak">What holds its code, or null when that is gone.</param>
    public static ReadOnlyMemory<byte> Unloaded(string name, string? leak) => VmDocuments.Write(output =>
    {
        output.WriteStartObject();
        output.WriteString("name"u8, name);
        output.WriteString("status"u8, leak is null ? "unloaded" : "leaked");
        if (leak is not null) output.WriteString("reason"u8, leak);
        output.WriteEndObject();
    });

    private static void Write(Utf8JsonWriter output, PluginEntry entry)
    {
        output.WriteStartObject();
        output.WriteString("name"u8, entry.Name);
        output.WriteString("folder"u8, entry.Folder);
        output.WriteString("status"u8, entry.Status.ToString().ToLowerInvariant());
        if (entry.Reason is not null) output.WriteString("reason"u8, entry.Reason);
        if (entry.Declaration is { } declaration)
        {
            output.WriteString("version"u8, declaration.Version);
            output.WriteString("kind"u8, declaration.Kind);
            output.WriteString("contract"u8, $"{declaration.ContractMajor}.{declaration.ContractMinor}");
            output.WritePropertyName("manifest"u8);
            output.WriteRawValue(entry.Manifest.Span);
        }

        output.WriteEndObject();
    }
}
