namespace Plugvisor.DBus.Bus;

/// <summary>There is no connection to the bus. The message tells a person what is wrong and what to do.</summary>
internal sealed class BusException : Exception
{
    /// <summary>A reason.</summary>
    /// <param name="message">In words.</param>
    /// <param name="isFinal">Whether trying again later is of no use, or wrong.</param>
    public BusException(string message, bool isFinal = false) : base(message) => IsFinal = isFinal;

    /// <summary>Whether trying again later is of no use, or wrong.</summary>
    public bool IsFinal { get; }
}
