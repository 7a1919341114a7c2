using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Cli.Logging;
using Plugvisor.Configuration;
using Plugvisor.Configuration.Consoles;
using Plugvisor.Configuration.Cpus;
using Plugvisor.Configuration.Memory;
using Plugvisor.Configuration.Payload;
using Plugvisor.Control;
using Plugvisor.Hypervisor.Kvm;
using Plugvisor.Machine.Consoles;

namespace Plugvisor.Cli;

internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var options = new Dictionary<string, string>();
        for (int i = 0; i + 1 < args.Length; i += 2) options[args[i]] = args[i + 1];
        var config = new VmConfig
        {
            Payload = new PayloadConfig
            {
                Kernel = options.GetValueOrDefault("--kernel"),
                Cmdline = options.GetValueOrDefault("--cmdline"),
                Initramfs = options.GetValueOrDefault("--initramfs"),
            },
            Cpus = new CpusConfig { BootVcpus = uint.Parse(options.GetValueOrDefault("--cpus", "1")) },
            Memory = new MemoryConfig { Size = ulong.Parse(options.GetValueOrDefault("--memory", "512")) << 20 },
            Serial = new SerialConfig { Mode = SerialMode.Tty },
        };
        using var sink = new LogSink(Console.OpenStandardError(), LogFormat.Parse(LogFormat.Default), LogLevel.Debug, TimeProvider.System);
        using var logs = new LoggerFactory([sink], new LoggerFilterOptions { MinLevel = LogLevel.Debug });
        using var terminal = new HostTerminal();
        using var loop = new ControlLoop(logs);
        using KvmHypervisor hypervisor = KvmHypervisor.Open();
        using var vmm = new Vmm(hypervisor, new NoPlugins(), terminal, loop, logs, noShutdown: false);
        vmm.Create(config);
        vmm.Boot();
        return await loop.RunAsync(vmm);
    }

    private sealed class NoPlugins : IDevicePlugins
    {
        public IDevicePlugin Load(string kind) => throw new VmmException($"no plugin for {kind}");
    }
}
