namespace Plugvisor.Machine.Interrupts;

/// <summary>An edge-triggered wire into the interrupt controller. Any thread.</summary>
public interface IInterruptLine
{
    /// <summary>One rising edge.</summary>
    void Pulse();
}
