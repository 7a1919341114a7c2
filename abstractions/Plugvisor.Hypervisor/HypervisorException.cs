namespace Plugvisor.Hypervisor;

/// <summary>The hypervisor cannot be used or refused a request. The message names the request, the reason and the fix.</summary>
public sealed class HypervisorException : Exception
{
    /// <summary>An error with a message for the operator.</summary>
    public HypervisorException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and its cause.</summary>
    public HypervisorException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a message; prefer one that has it.</summary>
    public HypervisorException() { }
}
