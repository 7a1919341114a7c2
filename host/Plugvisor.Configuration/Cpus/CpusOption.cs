using System.Globalization;
using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Configuration.Cpus;

/// <summary>
/// Reads <c>--cpus</c>. Two of its keys have a form of their own: <c>topology=T:C:D:P</c> and <c>features=amx</c>; the rest follows the
/// declaration.
/// </summary>
public static class CpusOption
{
    private const string TopologyKey = "topology=", FeaturesKey = "features=";

    /// <summary>Reads the option's value.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public static JsonElement Read(string text)
    {
        string? topology = null, features = null;
        var rest = new List<string>();
        foreach (string part in OptionSyntax.SplitCommas(text))
        {
            if (part.StartsWith(TopologyKey, StringComparison.Ordinal)) topology = part[TopologyKey.Length..].Trim();
            else if (part.StartsWith(FeaturesKey, StringComparison.Ordinal)) features = part[FeaturesKey.Length..].Trim();
            else rest.Add(part);
        }

        JsonElement json = HostSections.Cpus.Schema!.FromOption(string.Join(',', rest));
        if (HostSections.Cpus.Schema.Check(json, new ConfigContext()) is { } error)
            throw new OptionException("Error parsing --cpus", new OptionException(error));
        string members = json.GetRawText()[1..^1];
        if (!json.TryGetProperty("max_vcpus"u8, out _)) members += $",\"max_vcpus\":{json.GetProperty("boot_vcpus"u8).GetRawText()}";
        if (Topology(topology) is { } levels) members += $",\"topology\":{levels}";
        if (Features(features) is { } chosen) members += $",\"features\":{chosen}";
        return HostSections.Cpus.Normalize(JsonElement.Parse($"{{{members}}}"));
    }

    private static string? Topology(string? text)
    {
        if (string.IsNullOrEmpty(text)) return null;
        string[] levels = text.Split(':');
        Span<ushort> values = stackalloc ushort[4];
        bool valid = levels.Length == values.Length;
        for (int i = 0; valid && i < values.Length; i++)
            valid = ushort.TryParse(levels[i], NumberStyles.None, CultureInfo.InvariantCulture, out values[i]);
        if (!valid)
        {
            throw new OptionException("Error parsing --cpus", new OptionException(
                $"topology={text} is not four numbers: threads per core, cores per die, dies per package, packages, as in 1:2:1:2"));
        }

        return string.Create(CultureInfo.InvariantCulture,
            $$"""{"threads_per_core":{{values[0]}},"cores_per_die":{{values[1]}},"dies_per_package":{{values[2]}},"packages":{{values[3]}}}""");
    }

    private static string? Features(string? text)
    {
        if (string.IsNullOrEmpty(text)) return null;
        bool amx = false;
        foreach (string feature in OptionSyntax.ReadStrings(text))
        {
            if (feature != "amx") throw new OptionException("Error parsing --cpus", new OptionException($"unknown feature {feature}; known is amx"));
            amx = true;
        }

        return amx ? """{"amx":true}""" : "{}";
    }
}
