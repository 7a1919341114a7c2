using Microsoft.Extensions.Logging;
using Plugvisor.Control.Events;
using Plugvisor.Plugins.Loading;

namespace Plugvisor.Control.Plugins;

/// <summary>
/// Finds out whether unloaded code is gone, and tells in the log, by an event and in the list of plugins when it is not. Any thread but the control loop's, which
/// is not to wait for garbage collections.
/// </summary>
/// <param name="plugins">Where a leak is listed.</param>
/// <param name="events">Where it is told.</param>
/// <param name="logs">Where it is logged.</param>
public sealed class UnloadProof(IDevicePlugins plugins, EventHub events, ILoggerFactory logs)
{
    private readonly ILogger _log = logs.CreateLogger<UnloadProof>();

    /// <summary>Looks after the code that a change of plugins left.</summary>
    /// <returns>Null when it is gone; else why not.</returns>
    public Task<string?> RunAsync(PluginChange change) =>
        change.Former is { } code ? Task.Run(() => ProveAsync(code)) : Task.FromResult<string?>(null);

    private async Task<string?> ProveAsync(UnloadedPlugin code)
    {
        string name = code.Entry.Name;
        if (!code.IsUnloadable)
        {
            _log.LogInformation("plugin {Name}: the code that the VMM started with stays in memory, as it is not declared reloadable", name);
            return "its code was loaded at the boot and is not declared reloadable; it stays in memory";
        }

        if (await code.ProveAsync().ConfigureAwait(false))
        {
            _log.LogDebug("plugin {Name}: its code is gone", name);
            return null;
        }

        string reason = string.Join("; ", code.Holders());
        plugins.ReportLeak(code, reason);
        _log.LogWarning("plugin {Name} was unloaded, but its code stays in memory: {Reason}", name, reason);
        events.Publish("vmm", "plugin-leaked", new Dictionary<string, string> { ["id"] = name, ["reason"] = reason });
        return reason;
    }
}
