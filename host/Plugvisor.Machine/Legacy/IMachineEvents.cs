namespace Plugvisor.Machine.Legacy;

/// <summary>What a guest asks of the whole machine. Called on a vCPU thread, which goes on until it is stopped: posts, never blocks.</summary>
public interface IMachineEvents
{
    /// <summary>The guest wants a reset.</summary>
    /// <param name="cause">By which register, for the log.</param>
    void OnReset(string cause);

    /// <summary>The guest powered off (ACPI S5).</summary>
    void OnPowerOff();
}
