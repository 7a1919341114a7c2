using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>What the console is connected to. The order is the precedence on the command line.</summary>
internal enum ConsoleMode
{
    /// <summary>There is none.</summary>
    [ConfigValue("Off", Help = "No such device")]
    Off,

    /// <summary>A new pseudo-terminal.</summary>
    [ConfigValue("Pty", Help = "A new pseudo-terminal; vm.info says which")]
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

    /// <summary>Known to the interface, not supported by this device.</summary>
    [ConfigValue("Socket", ValueInto = "socket", Help = "Not supported here; the serial port has it")]
    Socket,
}
