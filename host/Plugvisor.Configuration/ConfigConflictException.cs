using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration;

/// <summary>Two parts of a configuration claim the same name or path.</summary>
public sealed class ConfigConflictException : ConfigException
{
    /// <summary>An error with a message for the operator.</summary>
    public ConfigConflictException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and what caused it.</summary>
    public ConfigConflictException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a message; prefer one that has it.</summary>
    public ConfigConflictException() { }
}
