namespace Plugvisor.Machine.Consoles;

/// <summary>What the machine's own ports are connected to. Lives as long as the VMM, over resets of the machine.</summary>
public sealed class MachineConsoles : IDisposable
{
    /// <summary>COM1, or null when the machine has none.</summary>
    public ConsoleLine? Serial { get; init; }

    /// <summary>The debug console, or null when the machine has none.</summary>
    public ConsoleLine? Debug { get; init; }

    /// <summary>The firmware's debug port.</summary>
    public required ConsoleLine Firmware { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Serial?.Dispose();
        Debug?.Dispose();
        Firmware.Dispose();
    }
}
