namespace Plugvisor.Control;

/// <summary>A command failed. The inner exceptions are the links of the error chain, outermost first.</summary>
public sealed class VmmException : Exception
{
    /// <summary>An error with a message for the operator.</summary>
    public VmmException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and what caused it.</summary>
    public VmmException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error of a sort.</summary>
    public VmmException(VmmErrorKind kind, string message, Exception? innerException = null) : base(message, innerException) => Kind = kind;

    /// <summary>An error without a message; prefer one that has it.</summary>
    public VmmException() { }

    /// <summary>What sort of failure it is.</summary>
    public VmmErrorKind Kind { get; }
}
