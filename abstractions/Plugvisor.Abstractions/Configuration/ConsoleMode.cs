namespace Plugvisor.Abstractions.Configuration;

/// <summary>
/// What a console of the machine is connected to: the serial port, the debug console, a console device. Not every one has every mode. The order is
/// the precedence on the command line.
/// </summary>
public enum ConsoleMode
{
    /// <summary>There is none.</summary>
    [ConfigValue("Off", Help = "No such device")]
    Off,

    /// <summary>A new pseudo-terminal.</summary>
    [ConfigValue("Pty", Help = "A new pseudo-terminal")]
    Pty,

    /// <summary>The VMM's own terminal.</summary>
    [ConfigValue("Tty", Help = "The VMM's own terminal")]
    Tty,

    /// <summary>Nothing: output is dropped.</summary>
    [ConfigValue("Null", Help = "Output is dropped")]
    Null,

    /// <summary>A file that takes the output.</summary>
    [ConfigValue("File", ValueInto = "file", Help = "A file takes the output")]
    File,

    /// <summary>A Unix socket that one client at a time can connect to. The serial port has it, the console device does not.</summary>
    [ConfigValue("Socket", ValueInto = "socket", Help = "A Unix socket for one client at a time (serial port only)")]
    Socket,
}
