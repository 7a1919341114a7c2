using System.Runtime.InteropServices;
using System.Text.Json;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Configuration;

/// <summary>One device of a VM: its kind and its configuration in the form of the kind's declaration. Immutable.</summary>
/// <param name="Schema">The kind.</param>
/// <param name="Config">Its configuration with defaults filled in.</param>
public sealed record DeviceSpec(DeviceConfigSchema Schema, JsonElement Config)
{
    /// <summary>Descriptors that came with it. They belong to the configuration, which hands them to each machine that it boots.</summary>
    public IReadOnlyList<SafeHandle> Descriptors { get; init; } = [];

    /// <summary>The device kind, such as <c>disk</c>.</summary>
    public string Kind => Schema.Declaration.Kind;

    /// <summary>Its id: fixed by its kind, given, or generated before boot; null before that.</summary>
    public string? Id => Schema.Declaration.FixedId ?? GivenId;

    /// <summary>The id in its configuration, or null.</summary>
    public string? GivenId =>
        Config.ValueKind == JsonValueKind.Object && Config.TryGetProperty("id"u8, out JsonElement id) && id.ValueKind == JsonValueKind.String
            ? id.GetString() : null;

    /// <summary>The PCI slot that was asked for, or null.</summary>
    public int? Slot =>
        Config.ValueKind == JsonValueKind.Object && Config.TryGetProperty("pci_device_id"u8, out JsonElement slot)
        && slot.ValueKind == JsonValueKind.Number ? slot.GetInt32() : null;

    /// <summary>
    /// <see cref="Config"/> as its plugin's validator is to see it: with the numbers of <see cref="Descriptors"/>, which are right as long as those are open.
    /// </summary>
    public JsonElement CheckedConfig
    {
        get
        {
            if (Descriptors.Count == 0 || Schema.Declaration.Config.Members.FirstOrDefault(member => member.IsDescriptor) is not { } member) return Config;
            return WithRaw(member.Name, $"[{string.Join(',', Descriptors.Select(descriptor => descriptor.DangerousGetHandle()))}]").Config;
        }
    }

    /// <summary>Whether it says that there is to be no such device.</summary>
    public bool IsAbsent => Schema.IsAbsent(Config);

    /// <summary>The same device with a member of its configuration filled in.</summary>
    public DeviceSpec With(string member, string value) => this with { Config = Schema.Config.With(Config, member, value) };

    /// <summary>The same device with another value of a member that is no string.</summary>
    /// <param name="member">The member.</param>
    /// <param name="json">Its value, as JSON.</param>
    public DeviceSpec WithRaw(string member, string json) => this with { Config = Schema.Config.WithRaw(Config, member, json) };
}
