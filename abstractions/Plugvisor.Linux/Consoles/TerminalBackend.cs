using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Consoles;

/// <summary>
/// The VMM's own standard input and output: a terminal, a pipe, or a file. The descriptors belong to others too (the shell,
/// the log), so they are never set to non-blocking: a terminal is opened a second time, anything else is polled before each call.
/// Raw mode is not its business: <see cref="TerminalMode"/>.
/// </summary>
public sealed partial class TerminalBackend : StreamBackend
{
    private const int O_RDWR = 2, O_NOCTTY = 0x100, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;

    private int _terminal = -1;

    /// <summary>Connects to two descriptors, by custom 0 and 1, which stay open after Dispose.</summary>
    /// <param name="input">Read from, or -1. A regular file or /dev/null gives no input.</param>
    /// <param name="output">Written to, or -1.</param>
    public TerminalBackend(int input, int output)
    {
        if (output >= 0 && TerminalMode.IsTerminal(output))
        {
            // Fails where the terminal belongs to another user (su, sudo); then it is polled like the others.
            _terminal = open($"/proc/self/fd/{output}", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        }

        bool oneTerminal = _terminal >= 0 && input >= 0 && TerminalMode.IsTerminal(input);
        if (oneTerminal) Connect(_terminal, _terminal);
        else Connect(input, output, pollFirst: true);
    }

    /// <summary>A pipe's reader gets the last words of a guest that powers off.</summary>
    private protected override int LingerMilliseconds => 500;

    private protected override void CloseDescriptors()
    {
        if (_terminal >= 0) ConsoleIo.Close(_terminal);
        _terminal = -1;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);
}
