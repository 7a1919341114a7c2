namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// The VMM's own terminal (standard input and output), a service of the host: <c>IDeviceHost.Service&lt;ITerminalService&gt;()</c>.
/// The host owns the terminal's mode and restores it on every way out. Any thread.
/// </summary>
public interface ITerminalService
{
    /// <summary>Descriptor to read keys from. It stays the host's: do not close it or make it non-blocking.</summary>
    int InputDescriptor { get; }

    /// <summary>Descriptor to write to. As for the input.</summary>
    int OutputDescriptor { get; }

    /// <summary>Its size now; 0 by 0 when it is no terminal.</summary>
    TerminalSize Size { get; }

    /// <summary>
    /// Takes the terminal for a device and puts it in raw mode, if it is one, until the answer is disposed.
    /// </summary>
    /// <param name="owner">The device's id, for the message to the next one that asks.</param>
    /// <param name="resized">Called on a thread of the host when the size has changed.</param>
    /// <exception cref="DeviceException">Another device has it.</exception>
    IDisposable Attach(string owner, Action resized);
}
