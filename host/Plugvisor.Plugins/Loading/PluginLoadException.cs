using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.Loading;

/// <summary>A plugin's code can not be loaded or its entry not be made. The message names the plugin.</summary>
public sealed class PluginLoadException : DeviceException
{
    /// <summary>An error with a message for the operator.</summary>
    public PluginLoadException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and what caused it.</summary>
    public PluginLoadException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a message; prefer one that has it.</summary>
    public PluginLoadException() { }
}
