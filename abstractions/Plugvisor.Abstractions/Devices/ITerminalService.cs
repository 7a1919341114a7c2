namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// The VMM's own terminal (standard input and output), a service of the host:
/// <c>IDeviceHost.Service&lt;ITerminalService&gt;()</c>. The host owns the terminal's mode and restores it on every way out.
/// Any thread.
/// </summary>
public interface ITerminalService
{
    /// <summary>Its size now; 0 by 0 when it is no terminal.</summary>
    TerminalSize Size { get; }

    /// <summary>
    /// Connects a device to the terminal and puts that in raw mode, if it is one, until the answer is disposed. The first device gets the keys, and so
    /// does another instance of it that takes over.
    /// </summary>
    /// <param name="owner">The device's id, for the log.</param>
    /// <param name="resized">Called on a thread of the host when the size has changed.</param>
    ITerminalLease Attach(string owner, Action resized);
}
