using Plugvisor.Abstractions.Configuration;
using Plugvisor.Cli.Plugins;
using Plugvisor.Configuration;
using Plugvisor.Configuration.Consoles;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Payload;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Cli.CommandLine;

/// <summary>Makes a VmConfig of the options on the command line.</summary>
internal static class VmConfigReader
{
    /// <exception cref="UsageException">There is nothing to boot.</exception>
    /// <exception cref="ConfigException">The options contradict each other.</exception>
    public static VmConfig Read(ParsedOptions options, PluginSet plugins)
    {
        if (!options.Has(HostOptions.Kernel) && !options.Has(HostOptions.Firmware))
            throw new UsageException("there is nothing to boot: give --kernel or --firmware");

        var builder = new VmConfigBuilder
        {
            Payload = new PayloadConfig
            {
                Kernel = options.Single(HostOptions.Kernel),
                Firmware = options.Single(HostOptions.Firmware),
                Initramfs = options.Single(HostOptions.Initramfs),
                Cmdline = options.Single(HostOptions.Cmdline),
            },
        };
        if (options.Single(HostOptions.Cpus) is { } cpus) builder.Cpus = CpusOption.Read(cpus);
        if (options.Single(HostOptions.Memory) is { } memory) builder.ReadMemory(memory);
        if (options.Single(HostOptions.Platform) is { } platform) builder.ReadPlatform(platform);
        if (options.Single(HostOptions.Serial) is { } serial) builder.ReadSerial(serial);
        if (options.Single(HostOptions.DebugConsole) is { } debug) builder.DebugConsole = DebugConsoleOption.Read(debug);
        foreach (string group in options.Many(HostOptions.RateLimitGroup)) builder.ReadRateLimitGroup(group);

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
        try
        {
            return builder.Build();
        }
        catch (ConfigException e)
        {
            throw new ConfigException("Failed to validate config", e);
        }
    }
}
