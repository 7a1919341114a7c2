namespace Plugvisor.Machine.Memory;

/// <summary>Guest RAM cannot be had as asked for. The message says what is missing and what to do; it is shown to the operator.</summary>
public sealed class GuestRamException : Exception
{
    /// <summary>An error with a message for the operator.</summary>
    public GuestRamException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and its cause.</summary>
    public GuestRamException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a message; prefer one that has it.</summary>
    public GuestRamException() { }
}
