using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Configuration;
using Plugvisor.Linux.Consoles;
using Plugvisor.Machine.Consoles;

namespace Plugvisor.Control;

/// <summary>Connects the machine's own ports to what the configuration says. They stay connected over resets.</summary>
internal static class ConsoleBuilder
{
    /// <exception cref="DeviceException">A file or socket cannot be opened.</exception>
    public static MachineConsoles Open(VmConfig config, HostTerminal terminal)
    {
        ConsoleLine? serial = null, debug = null;
        try
        {
            serial = Line("serial", config.Serial.Mode, config.Serial.File, config.Serial.Socket, terminal);
            debug = Line("debug-console", config.DebugConsole.Mode, config.DebugConsole.File, config.DebugConsole.Socket, terminal);
            return new MachineConsoles
            {
                Serial = serial,
                Debug = debug,
                Firmware = new ConsoleLine(new TerminalBackend(-1, terminal.OutputDescriptor), "firmware-debug"),
            };
        }
        catch
        {
            serial?.Dispose();
            debug?.Dispose();
            throw;
        }
    }

    private static ConsoleLine? Line(string name, ConsoleMode mode, string? file, string? socket, HostTerminal terminal)
    {
        if (mode == ConsoleMode.Off) return null;
        try
        {
            if (mode != ConsoleMode.Tty) return new ConsoleLine(Backend(mode, file, socket), "serial-manager");
            ITerminalLease lease = terminal.Attach(name, static () => { });
            return new ConsoleLine(new TerminalBackend(lease.InputDescriptor, lease.OutputDescriptor), "serial-manager", lease);
        }
        catch (IOException e)
        {
            throw new DeviceException($"Error creating console devices: {name}", e);
        }
    }

    private static ICharacterBackend Backend(ConsoleMode mode, string? file, string? socket) => mode switch
    {
        ConsoleMode.Pty => new PtyBackend(),
        ConsoleMode.File => new FileBackend(file ?? throw new DeviceException("Path missing when using file console mode")),
        ConsoleMode.Socket => new SocketBackend(socket ?? throw new DeviceException("Path missing when using socket console mode")),
        _ => new NullBackend(),
    };
}
