using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Configuration;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Plugins.VirtioConsole;

/// <summary>Connects the console to what its config says.</summary>
internal static class Backend
{
    /// <summary>What a successor goes on with.</summary>
    public static IReadOnlyList<SafeHandle> HandlesOf(ICharacterBackend backend) => backend switch
    {
        PtyBackend pty => pty.Handles,
        FileBackend file => file.Handles,
        _ => [],
    };

    /// <summary>Opens the other side, or goes on with the one that an earlier instance has.</summary>
    /// <exception cref="DeviceException">It cannot be opened, or the mode is not one of this device.</exception>
    public static ICharacterBackend Open(string id, Config config, ITerminalLease? terminal, IReadOnlyList<SafeHandle> inherited)
    {
        try
        {
            return config.Mode switch
            {
                ConsoleMode.Null => new NullBackend(),
                ConsoleMode.Pty when inherited.Count == 2 && config.File is not null => new PtyBackend(inherited, config.File),
                ConsoleMode.File when inherited.Count == 1 => new FileBackend(inherited),
                ConsoleMode.Pty => new PtyBackend(),
                ConsoleMode.File when config.File is not null => new FileBackend(config.File),
                ConsoleMode.File => throw new DeviceException("Path missing when using file console mode"),
                ConsoleMode.Tty when terminal is not null =>
                    new TerminalBackend(terminal.InputDescriptor, terminal.OutputDescriptor),
                ConsoleMode.Tty =>
                    throw new DeviceException($"{id}: there is no terminal to connect to; use another console mode"),
                ConsoleMode.Socket => throw new DeviceException(Config.SocketUnsupported),
                _ => throw new DeviceException($"{id}: there is no console in mode {config.Mode}"),
            };
        }
        catch (LinuxException exception)
        {
            throw new DeviceException($"{id}: cannot open the console", exception);
        }
    }
}
