using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Abstractions.Configuration;

/// <summary>A config does not have the shape that its declaration says. The message names the member.</summary>
public class ConfigException : DeviceException
{
    /// <summary>An error with a message for the operator.</summary>
    public ConfigException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and what caused it.</summary>
    public ConfigException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a message; prefer one that has it.</summary>
    public ConfigException() { }
}
