using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Plugvisor.Cli.Api;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Cli.Logging;
using Plugvisor.Cli.Plugins;
using Plugvisor.Configuration;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.Control.Plugins;
using Plugvisor.Hypervisor.Kvm;
using Plugvisor.Machine.Consoles;

namespace Plugvisor.Cli.Commands;

/// <summary>Runs a VM: the command line without a command.</summary>
internal static class RunCommand
{
    public static int Run(string[] args, PluginSet plugins)
    {
        if (args.Length == 0)
        {
            Console.Error.Write(HelpText.Render(AllOptions.WithKeys(plugins)));
            return 2;
        }

        var parser = new CommandLineParser(AllOptions.ForParsing(plugins));
        ParsedOptions options;
        try
        {
            options = parser.Parse(args);
        }
        catch (UsageException e) when (UnknownOption(args, plugins) is { } why)
        {
            throw new UsageException(e.Message, new VmmException(why));
        }

        if (parser.HelpRequested)
        {
            Console.Out.Write(HelpText.Render(AllOptions.WithKeys(plugins)));
            return 0;
        }

        if (parser.VersionRequested)
        {
            Console.Out.Write(VersionText.Render(options.Verbosity));
            return 0;
        }

        VmConfig? config = VmConfigReader.HasPayload(options) ? VmConfigReader.Read(options, plugins) : null;
        using LogSink logs = OpenLog(options);
        plugins.ReportTo(logs);
        var events = new EventHub(TimeProvider.System);
        using EventMonitor? monitor = EventMonitorOption.Open(options.Single(HostOptions.EventMonitor), events, logs);
        ApiFrontEnds api = ApiFrontEnds.Read(options, events, logs);
        if (config is null && !api.Any) throw new UsageException("there is nothing to boot: give --kernel or --firmware");
        events.Publish("vmm", "starting");
        try
        {
            return RunVm(config, args, options, plugins, api, events, logs);
        }
        finally
        {
            events.Publish("vmm", "shutdown");
            events.Complete();
            // This is the process's last act, on its main thread, where nobody waits for anything else.
            if (api.Any) api.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>What to say of an option that is not known: its plugin was refused, or there is none.</summary>
    private static string? UnknownOption(string[] args, PluginSet plugins)
    {
        List<CommandLineOption> known = AllOptions.ForParsing(plugins);
        foreach (string arg in args)
        {
            if (!arg.StartsWith("--", StringComparison.Ordinal) || arg.Contains(' ', StringComparison.Ordinal)
                || HostOptions.NotYet.ContainsKey(arg) || known.Exists(option => option.Name == arg)) continue;
            return plugins.WhyMissing(arg[2..])
                ?? $"{arg} is no option of the host, and no plugin declares it; 'plugvisor plugins' lists what is there";
        }

        return null;
    }

    private static int RunVm(
        VmConfig? config, string[] args, ParsedOptions options, PluginSet plugins, ApiFrontEnds api, EventHub events, ILoggerFactory logs)
    {
        using var terminal = new HostTerminal();
        // Also when the runtime itself ends the process: an unhandled error on some thread, or a signal that nobody handles.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => terminal.Restore();
        AppDomain.CurrentDomain.UnhandledException += (_, _) => terminal.Restore();

        using KvmHypervisor hypervisor = KvmHypervisor.Open();
        var loop = new ControlLoop(logs);
        StrayExceptions.Guard(loop, logs);
        using var vmm = new Vmm(hypervisor, plugins, terminal, loop, events, logs, options.Has(HostOptions.NoShutdown));
        using PosixSignalRegistration term = OnSignal(PosixSignal.SIGTERM, loop);
        using PosixSignalRegistration interrupt = OnSignal(PosixSignal.SIGINT, loop);
        using PosixSignalRegistration hangup = OnSignal(PosixSignal.SIGHUP, loop);
        var boot = config is null ? null : new BootOrder(config, loop, api);
        boot?.Submit();
        api.Start(loop, plugins, events, boots: boot is not null);
        PluginWatcher? watcher = options.Has(HostOptions.WatchPlugins) ? Watch(args, loop, plugins, events, logs) : null;
        int code = loop.Run(vmm);
        if (watcher is not null) watcher.DisposeAsync().AsTask().GetAwaiter().GetResult();   // as for the API: nobody waits for anything else
        return boot?.Error is { } error ? throw new VmmException("The VM could not boot", error) : code;
    }

    private static PluginWatcher Watch(string[] args, ControlLoop loop, PluginSet plugins, EventHub events, ILoggerFactory logs)
    {
        var watcher = new PluginWatcher(PluginDirectories.From(args), loop, plugins, events, logs);
        watcher.Start();
        return watcher;
    }

    /// <summary>The signal becomes a command; the default action of the runtime, which skips our ways out, does not happen.</summary>
    private static PosixSignalRegistration OnSignal(PosixSignal signal, ControlLoop loop) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        loop.RequestShutdown();
    });

    private static LogSink OpenLog(ParsedOptions options)
    {
        LogLevel level = options.Verbosity switch
        {
            0 => LogLevel.Warning,
            1 => LogLevel.Information,
            2 => LogLevel.Debug,
            _ => LogLevel.Trace,
        };
        LogFormat format;
        try
        {
            format = LogFormat.Parse(options.Single(HostOptions.LogFormat) ?? LogFormat.Default);
        }
        catch (FormatException e)
        {
            throw new VmmException("Error parsing --log-format", e);
        }

        Stream output = Console.OpenStandardError();
        if (options.Single(HostOptions.LogFile) is { } path)
        {
            try
            {
                output = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new VmmException($"Error opening the log file {path}", e);
            }
        }

        return new LogSink(output, format, level, TimeProvider.System);
    }
}
