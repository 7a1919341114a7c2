namespace Plugvisor.Abstractions.Devices;

/// <summary>A device could not be made or could not go on. The message is for the operator: what failed, on what, what to do.</summary>
public class DeviceException : Exception
{
    /// <summary>An error with a message for the operator.</summary>
    public DeviceException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and what caused it; both become links of the error chain.</summary>
    public DeviceException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a message; prefer one that has it.</summary>
    public DeviceException() { }
}
