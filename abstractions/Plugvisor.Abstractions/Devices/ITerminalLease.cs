namespace Plugvisor.Abstractions.Devices;

/// <summary>A device's share of the VMM's terminal, until it is disposed.</summary>
public interface ITerminalLease : IDisposable
{
    /// <summary>
    /// Descriptor to read keys from, or -1 where an earlier device has them: several may print, one is typed to. It stays the host's: do not close
    /// it or make it non-blocking.
    /// </summary>
    int InputDescriptor { get; }

    /// <summary>Descriptor to write to. As for the input.</summary>
    int OutputDescriptor { get; }
}
