using System.Text;
using System.Text.Json;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Control.Plugins;
using Plugvisor.Plugins.Catalog;

namespace Plugvisor.Cli.Commands;

/// <summary><c>plugvisor plugins</c>: what is there, and why something is not used.</summary>
internal static class PluginsCommand
{
    public static int Run(IReadOnlyList<string> args, PluginSet plugins)
    {
        bool json = false, directory = false;
        foreach (string arg in args)
        {
            if (arg == "--json") json = true;
            else if (arg.StartsWith(HostOptions.PluginDir, StringComparison.Ordinal)) directory = true;
            else if (!directory || arg.StartsWith('-')) throw new UsageException($"plugins: {arg} is no option of it; there are --json and --plugin-dir");
        }

        Console.Out.Write(json ? Json(plugins) : Table(plugins));
        return 0;
    }

    private static string Table(PluginSet plugins)
    {
        string[] header = ["PLUGIN", "VERSION", "KIND", "CONTRACT", "STATUS"];
        var rows = new List<string[]> { header };
        foreach (PluginEntry entry in plugins.Entries)
        {
            rows.Add([
                entry.Name, entry.Declaration?.Version ?? "-", entry.Declaration?.Kind ?? "-", Contract(entry),
                entry.Status.ToString().ToLowerInvariant() + (entry.Reason is null ? "" : ": " + entry.Reason),
            ]);
        }

        Span<int> widths = stackalloc int[header.Length];
        foreach (string[] row in rows)
        {
            for (int i = 0; i < row.Length; i++) widths[i] = Math.Max(widths[i], row[i].Length);
        }

        var text = new StringBuilder();
        foreach (string[] row in rows)
        {
            for (int i = 0; i < row.Length - 1; i++) text.Append(row[i].PadRight(widths[i] + 2));
            text.Append(row[^1]).Append('\n');
        }

        return text.ToString();
    }

    private static string Json(PluginSet plugins)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartArray();
            foreach (PluginEntry entry in plugins.Entries)
            {
                writer.WriteStartObject();
                writer.WriteString("name", entry.Name);
                writer.WriteString("folder", entry.Folder);
                if (entry.Declaration is { } declaration)
                {
                    writer.WriteString("version", declaration.Version);
                    writer.WriteString("kind", declaration.Kind);
                    writer.WriteString("contract", Contract(entry));
                }

                writer.WriteString("status", entry.Status.ToString().ToLowerInvariant());
                if (entry.Reason is not null) writer.WriteString("reason", entry.Reason);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static string Contract(PluginEntry entry) =>
        entry.Declaration is { } declaration ? $"{declaration.ContractMajor}.{declaration.ContractMinor}" : "-";
}
