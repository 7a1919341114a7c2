using System.Globalization;
using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Plugins.Schemas;

/// <summary>What front ends do with the config of a device kind. Knows kinds by their declarations only. Any thread.</summary>
/// <param name="declaration">The kind.</param>
public sealed class DeviceConfigSchema(DeviceDeclaration declaration)
{
    private static readonly JsonElement Empty = JsonElement.Parse("{}"u8);

    /// <summary>The kind.</summary>
    public DeviceDeclaration Declaration { get; } = declaration;

    /// <summary>Its config.</summary>
    public ConfigSchema Config { get; } = new(declaration.Kind, declaration.Config);

    /// <summary>The config of the device that exists without being asked for, or null when there is none.</summary>
    /// <exception cref="OptionException">The declaration's own default can not be read.</exception>
    public JsonElement? DefaultDevice => Declaration.DefaultDevice is { } text ? FromOption(text) : null;

    /// <summary>The config that an option's value stands for. A flag takes none, so pass an empty text.</summary>
    /// <exception cref="OptionException">The value can not be taken. Its messages are the error chain, outermost first.</exception>
    public JsonElement FromOption(string text) => Config.FromOption(text);

    /// <summary>
    /// The config in normal form (see <see cref="ConfigSchema.Normalize"/>). For a flag <c>true</c> stands for a config without members.
    /// </summary>
    /// <exception cref="ConfigException">A member is missing, unknown or of a wrong type.</exception>
    public JsonElement Normalize(JsonElement given)
    {
        if (Declaration.Cardinality == DeviceCardinality.Flag && given.ValueKind == JsonValueKind.True) given = Empty;
        return Config.Normalize(given);
    }

    /// <summary>
    /// As <see cref="Normalize"/>, for a config that another process sent: numbers of file descriptors mean nothing here and are left out.
    /// </summary>
    /// <exception cref="ConfigException">A member is missing, unknown or of a wrong type.</exception>
    /// <param name="given">What was received.</param>
    /// <param name="dropped">Hears the name of a member that was dropped.</param>
    public JsonElement NormalizeReceived(JsonElement given, Action<string>? dropped = null)
    {
        JsonElement config = Normalize(given);
        foreach (MemberDeclaration member in Declaration.Config.Members)
        {
            if (!member.IsDescriptor || config.ValueKind != JsonValueKind.Object || !config.TryGetProperty(member.Name, out _)) continue;
            config = Config.Without(config, member.Name);
            dropped?.Invoke(member.Name);
        }

        return config;
    }

    /// <summary>Whether a normalized config says that there is to be no such device (<c>mode=Off</c>, or a flag that is false).</summary>
    public bool IsAbsent(JsonElement config) =>
        config.ValueKind == JsonValueKind.False || (Declaration.AbsentWhen is { } condition && ConfigChecker.Holds(condition, config));

    /// <summary>
    /// Checks a normalized config: the first error's text, or null. What depends on the platform (number of segments, unique ids) and what only
    /// the plugin's code knows (<see cref="IConfigValidator"/>) is checked elsewhere.
    /// </summary>
    public string? Check(JsonElement config, ConfigContext context)
    {
        if (Config.Check(config, context) is { } error) return error;

        // The host bridge sits there.
        if (config.TryGetProperty("pci_device_id"u8, out var slot) && slot.GetInt32() == 0 && config.GetProperty("pci_segment"u8).GetInt32() == 0)
            return string.Create(CultureInfo.InvariantCulture, $"Given PCI device ID ({0}) is reserved");
        return null;
    }

    /// <summary>Writes the option's help: what it is, its keys, an example.</summary>
    public void WriteHelp(TextWriter output)
    {
        var repeatable = Declaration.Cardinality == DeviceCardinality.List ? " (can be repeated)" : "";
        output.WriteLine($"--{Declaration.Kind}: {Declaration.Help ?? Declaration.Noun}{repeatable}");
        if (Declaration.Cardinality != DeviceCardinality.Flag) Config.WriteHelp(output, 4);
        if (Declaration.DefaultDevice is { } standard) output.WriteLine($"  When not given: --{Declaration.Kind} {standard}");
        if (Declaration.Example is { } example) output.WriteLine($"  Example: --{Declaration.Kind} {example}");
    }
}
