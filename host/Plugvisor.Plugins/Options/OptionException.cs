namespace Plugvisor.Plugins.Options;

/// <summary>An option's value can not be taken. The message and those of the inner exceptions are links of one error chain.</summary>
public sealed class OptionException : Exception
{
    /// <summary>An error with its text.</summary>
    public OptionException(string message) : base(message) { }

    /// <summary>An error with its text and its cause.</summary>
    public OptionException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a text; prefer one that has it.</summary>
    public OptionException() { }

    /// <summary>The message names the option already.</summary>
    internal bool IsWhole { get; init; }
}
