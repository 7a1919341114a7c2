using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration.Consoles;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Payload;
using Plugvisor.Configuration.Platform;
using Plugvisor.Plugins.Declarations;
using Plugvisor.Plugins.Options;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Configuration;

/// <summary>Puts a VmConfig together from option values, gives devices their ids and their order. Used once, by one thread.</summary>
public sealed class VmConfigBuilder
{
    private readonly List<Planned> _devices = [];
    private readonly HashSet<string> _given = [];
    private readonly List<RateLimitGroupConfig> _groups = [];

    /// <summary>What to boot.</summary>
    public PayloadConfig? Payload { get; set; }

    /// <summary>vCPUs.</summary>
    public CpusConfig Cpus { get; set; } = new();

    /// <summary>Guest RAM.</summary>
    public MemoryConfig Memory { get; set; } = new();

    /// <summary>What the guest reads about its machine.</summary>
    public PlatformConfig Platform { get; set; } = new();

    /// <summary>The serial port.</summary>
    public SerialConfig Serial { get; set; } = new();

    /// <summary>The debug console.</summary>
    public DebugConsoleConfig DebugConsole { get; set; } = new();

    /// <summary>Takes <c>--memory</c>.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public void ReadMemory(string text) => Memory = MemoryConfig.From(HostSchemas.Memory.FromOption(text));

    /// <summary>Takes <c>--platform</c>.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public void ReadPlatform(string text) => Platform = PlatformConfig.From(HostSchemas.Platform.FromOption(text));

    /// <summary>Takes <c>--serial</c>.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public void ReadSerial(string text) => Serial = SerialConfig.From(HostSchemas.Serial.FromOption(text));

    /// <summary>Takes one <c>--rate-limit-group</c>.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public void ReadRateLimitGroup(string text) => _groups.Add(RateLimitGroupConfig.From(HostSchemas.RateLimitGroup.FromOption(text)));

    /// <summary>Takes one device.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="text">Its option's value; empty for a flag.</param>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    public void ReadDevice(DeviceConfigSchema kind, string text)
    {
        _given.Add(kind.Declaration.Kind);
        JsonElement config = kind.FromOption(text);
        if (!kind.IsAbsent(config)) _devices.Add(new Planned(kind, config));
    }

    /// <summary>Adds the devices that exist without being asked for, unless they were.</summary>
    public void AddDefaultDevices(IEnumerable<DeviceConfigSchema> kinds)
    {
        foreach (DeviceConfigSchema kind in kinds)
        {
            if (!_given.Contains(kind.Declaration.Kind) && kind.DefaultDevice is { } config && !kind.IsAbsent(config)) _devices.Add(new Planned(kind, config));
        }
    }

    /// <summary>The configuration, checked.</summary>
    /// <exception cref="ConfigException">It contradicts itself; the message is one of the API's.</exception>
    public VmConfig Build()
    {
        var config = new VmConfig
        {
            Payload = Payload,
            Cpus = Cpus,
            Memory = Memory,
            Platform = Platform,
            Serial = Serial,
            DebugConsole = DebugConsole,
            RateLimitGroups = _groups,
        };
        VmConfigValidator.Check(config);
        var context = new ConfigContext
        {
            BootVcpus = (int)Cpus.BootVcpus, MemorySize = Memory.Size, SharedMemory = Memory.Shared || Memory.HugePages,
        };
        foreach (Planned planned in _devices)
        {
            if (planned.Kind.Check(planned.Config, context) is { } error) throw new ConfigException(error);
        }

        return config with { Devices = Name(config) };
    }

    private List<DeviceSpec> Name(VmConfig config)
    {
        // Slots go by kind, then by the order on the command line.
        var ordered = new List<Planned>(_devices);
        InsertionSort(ordered);

        var ids = new DeviceIds(config.RateLimitGroups);
        foreach (Planned planned in ordered)
        {
            if (planned.Kind.Declaration.FixedId is null && Text(planned.Config, "id"u8) is { } given) ids.Take(given);
        }

        var specs = new List<DeviceSpec>(ordered.Count);
        foreach (Planned planned in ordered)
        {
            DeviceDeclaration declaration = planned.Kind.Declaration;
            JsonElement device = planned.Config;
            string id = declaration.FixedId ?? Text(device, "id"u8) ?? ids.Next(declaration.IdPrefix!);
            VmConfigValidator.CheckPlacement(device, id);
            int? slot = device.TryGetProperty("pci_device_id"u8, out JsonElement asked) && asked.ValueKind == JsonValueKind.Number
                ? asked.GetInt32() : null;
            specs.Add(new DeviceSpec(declaration.Kind, id, slot, device));
        }

        return specs;
    }

    /// <summary>Stable, which List.Sort is not.</summary>
    private static void InsertionSort(List<Planned> devices)
    {
        for (int i = 1; i < devices.Count; i++)
        {
            for (int j = i; j > 0 && Compare(devices[j].Kind.Declaration, devices[j - 1].Kind.Declaration) < 0; j--)
                (devices[j], devices[j - 1]) = (devices[j - 1], devices[j]);
        }
    }

    private static int Compare(DeviceDeclaration a, DeviceDeclaration b)
    {
        int order = a.Slot.CompareTo(b.Slot);
        return order != 0 ? order : string.CompareOrdinal(a.Kind, b.Kind);
    }

    private static string? Text(JsonElement json, ReadOnlySpan<byte> name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A device without its id. A class: lists of structs are compiled at run time, on the way to the first guest instruction.</summary>
    private sealed record Planned(DeviceConfigSchema Kind, JsonElement Config);
}
