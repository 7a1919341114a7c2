using System.Runtime.InteropServices;

namespace Plugvisor.Linux.Consoles;

/// <summary>The size of a terminal (TIOCGWINSZ).</summary>
public static unsafe partial class TerminalWindow
{
    private const nuint TIOCGWINSZ = 0x5413;

    /// <summary>Reads the size in characters.</summary>
    /// <returns>False when the descriptor is no terminal; the sizes are 0 then, and where the terminal does not know.</returns>
    public static bool TryGetSize(int descriptor, out ushort columns, out ushort rows)
    {
        WindowSize size = default;
        bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0;
        columns = size.Columns;
        rows = size.Rows;
        return known;
    }

    [LibraryImport("libc")]
    private static partial int ioctl(int fd, nuint request, WindowSize* size);

    /// <summary>struct winsize.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct WindowSize
    {
        public ushort Rows, Columns, PixelsWide, PixelsHigh;
    }
}
