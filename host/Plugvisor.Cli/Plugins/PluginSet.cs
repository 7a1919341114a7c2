using Microsoft.Extensions.Logging;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Control;
using Plugvisor.Plugins.Schemas;

namespace Plugvisor.Cli.Plugins;

/// <summary>The plugins that this process found: what they declare, and their code once it is asked for.</summary>
internal sealed class PluginSet : IDevicePlugins
{
    public IReadOnlyList<DeviceConfigSchema> Kinds { get; } = [];

    public static PluginSet Open(IReadOnlyList<string> directories) { _ = directories; return new PluginSet(); }

    public void ReportTo(ILoggerFactory logs) => _logs = logs;

    private ILoggerFactory? _logs;

    public IDevicePlugin Load(string kind) => throw new VmmException(kind);
}
