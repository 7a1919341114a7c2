namespace Plugvisor.Machine;

/// <summary>A machine cannot be built or cannot do what is asked. The message is for the operator.</summary>
public sealed class MachineException : Exception
{
    /// <summary>An error with a message for the operator.</summary>
    public MachineException(string message) : base(message) { }

    /// <summary>An error with a message for the operator and what caused it.</summary>
    public MachineException(string message, Exception? innerException) : base(message, innerException) { }

    /// <summary>An error without a message; prefer one that has it.</summary>
    public MachineException() { }
}
