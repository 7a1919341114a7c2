using System.Globalization;
using Microsoft.Extensions.Logging;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Plugvisor.Plugins.Options;

namespace Plugvisor.Cli.CommandLine;

/// <summary>Reads <c>--event-monitor path=PATH</c> or <c>fd=N</c> and opens what it names.</summary>
internal static class EventMonitorOption
{
    /// <summary>The monitor, which writes from now on, or null without the option.</summary>
    /// <exception cref="OptionException">The value cannot be taken.</exception>
    /// <exception cref="VmmException">What it names cannot be written.</exception>
    public static EventMonitor? Open(string? text, EventHub events, ILoggerFactory logs)
    {
        if (text is null) return null;
        (string? path, int descriptor) = Read(text);
        string name = path ?? string.Create(CultureInfo.InvariantCulture, $"fd={descriptor}");
        try
        {
            return new EventMonitor(events, path is null ? ByteSink.Adopt(descriptor) : ByteSink.Open(path), name, logs.CreateLogger<EventMonitor>());
        }
        catch (LinuxException e)
        {
            throw new VmmException($"Error opening the event monitor {name}", e);
        }
    }

    private static (string? Path, int Descriptor) Read(string text)
    {
        try
        {
            OptionValues values = new OptionGrammar().Keys("path", "fd").Parse(text);
            string? path = values.Text("path");
            ulong? descriptor = values.Integer("fd", int.MaxValue);
            if (path is null == descriptor is null) throw new OptionException($"'{text}' has to name one place: path=PATH or fd=N");
            return (path, (int)(descriptor ?? 0));
        }
        catch (OptionException e)
        {
            throw new OptionException($"Error parsing {HostOptions.EventMonitor}", e);
        }
    }
}
