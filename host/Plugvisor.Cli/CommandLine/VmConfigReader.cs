using System.Text.Json;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration;
using Plugvisor.Configuration.Consoles;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Control.Plugins;
using Plugvisor.Plugins.Options;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Cli.CommandLine;

/// <summary>Makes a VmConfig of the options on the command line.</summary>
internal static class VmConfigReader
{
    /// <summary>Whether there is something to boot. Without it the VMM waits for the API to tell it.</summary>
    public static bool HasPayload(ParsedOptions options) => options.Has(HostOptions.Kernel) || options.Has(HostOptions.Firmware);

    /// <summary>The configuration. Whether it makes sense is found out before boot.</summary>
    /// <exception cref="OptionException">A value cannot be taken.</exception>
    public static VmConfig Read(ParsedOptions options, PluginSet plugins)
    {
        var builder = new VmConfigBuilder();
        builder.Set(HostSections.Payload, Payload(options));
        if (options.Single(HostOptions.Cpus) is { } cpus) builder.Set(HostSections.Cpus, CpusOption.Read(cpus));
        if (options.Single(HostOptions.Memory) is { } memory) builder.Read(HostSections.Memory, memory);
        if (options.Single(HostOptions.Platform) is { } platform) builder.Read(HostSections.Platform, platform);
        if (options.Single(HostOptions.Serial) is { } serial) builder.Read(HostSections.Serial, serial);
        if (options.Single(HostOptions.DebugConsole) is { } debug) builder.Set(HostSections.DebugConsole, DebugConsoleOption.Read(debug));
        foreach (string group in options.Many(HostOptions.RateLimitGroup)) builder.Read(HostSections.RateLimitGroups, group);

        foreach (DeviceConfigSchema kind in plugins.Kinds)
        {
            string option = "--" + kind.Declaration.Kind;
            if (!options.Has(option)) continue;
            if (kind.Declaration.Cardinality == DeviceCardinality.Flag) builder.ReadDevice(kind, "");
            else if (kind.Declaration.Cardinality == DeviceCardinality.Single) builder.ReadDevice(kind, options.Single(option)!);
            else
            {
                foreach (string value in options.Many(option)) builder.ReadDevice(kind, value);
            }
        }

        builder.AddDefaultDevices(plugins.Kinds);
        return builder.Build();
    }

    private static JsonElement Payload(ParsedOptions options)
    {
        var payload = new JsonBuffer();
        payload.StartObject();
        Member(payload, "firmware", options.Single(HostOptions.Firmware));
        Member(payload, "kernel", options.Single(HostOptions.Kernel));
        Member(payload, "cmdline", options.Single(HostOptions.Cmdline));
        Member(payload, "initramfs", options.Single(HostOptions.Initramfs));
        payload.EndObject();
        return JsonElement.Parse(payload.Written);
    }

    private static void Member(JsonBuffer json, string name, string? value)
    {
        if (value is null) return;
        json.Name(name);
        json.String(value);
    }
}
