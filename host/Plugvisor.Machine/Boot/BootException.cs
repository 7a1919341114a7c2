namespace Plugvisor.Machine.Boot;

/// <summary>
/// What the guest should boot cannot be loaded. The message names the file, what is wrong with it and, where there is one, the way
/// out; it is shown to the operator.
/// </summary>
public sealed class BootException : Exception
{
    /// <summary>An error with a message for the operator.</summary>
    public BootException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and its cause.</summary>
    public BootException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a message; prefer one that has it.</summary>
    public BootException() { }
}
