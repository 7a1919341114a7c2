using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;

namespace Plugvisor.Linux.Consoles;

/// <summary>
/// A terminal in raw mode: every key goes through as it is, and output is not touched, so that a guest's full-screen programs
/// work. <see cref="Restore"/> gives the terminal back as it was; it is idempotent, allocates nothing and may be called on any
/// thread, so it belongs on every way out (dispose, ProcessExit, termination signals, unhandled exceptions).
/// </summary>
public sealed unsafe partial class TerminalMode : IDisposable
{
    // <bits/termios-c_iflag.h> and its siblings.
    private const uint IGNBRK = 0x1, BRKINT = 0x2, PARMRK = 0x8, ISTRIP = 0x20;
    private const uint INLCR = 0x40, IGNCR = 0x80, ICRNL = 0x100, IXON = 0x400;
    private const uint OPOST = 0x1;
    private const uint CSIZE = 0x30, PARENB = 0x100, CS8 = 0x30;
    private const uint ISIG = 0x1, ICANON = 0x2, ECHO = 0x8, ECHONL = 0x40, IEXTEN = 0x8000;
    private const int VTIME = 5, VMIN = 6;
    private const int TCSANOW = 0;
    private const int SIG_BLOCK = 0, SIG_SETMASK = 2;
    private const int SIGTTOU = 22;
    private const int EINTR = 4;

    private readonly int _descriptor;
    private readonly Termios _before;
    private int _restored;

    private TerminalMode(int descriptor, in Termios before)
    {
        _descriptor = descriptor;
        _before = before;
    }

    /// <summary>Whether a descriptor is a terminal.</summary>
    public static bool IsTerminal(int descriptor)
    {
        Termios unused;
        return tcgetattr(descriptor, &unused) == 0;
    }

    /// <summary>Puts a terminal in raw mode.</summary>
    /// <param name="descriptor">The terminal; it must stay open until <see cref="Restore"/>.</param>
    /// <returns>What restores it, or null when the descriptor is no terminal.</returns>
    /// <exception cref="LinuxException">The terminal refuses.</exception>
    public static TerminalMode? EnterRaw(int descriptor)
    {
        Termios before;
        if (tcgetattr(descriptor, &before) != 0) return null;
        Termios raw = before;
        raw.Input &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        raw.Output &= ~OPOST;
        raw.Control = (raw.Control & ~(CSIZE | PARENB)) | CS8;
        raw.Local &= ~(ISIG | ICANON | ECHO | ECHONL | IEXTEN);
        raw.Characters[VMIN] = 1;
        raw.Characters[VTIME] = 0;
        int errno = Apply(descriptor, &raw);
        if (errno != 0) throw new LinuxException("put the terminal in raw mode", errno);
        return new TerminalMode(descriptor, before);
    }

    /// <summary>
    /// Gives the terminal back as it was. Only the first call does something; a terminal that is gone is no error.
    /// </summary>
    public void Restore()
    {
        if (Interlocked.Exchange(ref _restored, 1) != 0) return;
        Termios before = _before;
        _ = Apply(_descriptor, &before);
    }

    /// <summary><see cref="Restore"/>.</summary>
    public void Dispose() => Restore();

    private static int Apply(int descriptor, Termios* mode)
    {
        // A process in the background is stopped by SIGTTOU when it changes the terminal, unless the signal is blocked.
        SignalSet block = default, mask = default;
        block.Bits = 1UL << (SIGTTOU - 1);
        _ = pthread_sigmask(SIG_BLOCK, &block, &mask);
        int errno = 0;
        while (tcsetattr(descriptor, TCSANOW, mode) != 0)
        {
            errno = Marshal.GetLastSystemError();
            if (errno != EINTR) break;
            errno = 0;
        }

        _ = pthread_sigmask(SIG_SETMASK, &mask, null);
        return errno;
    }

    [LibraryImport("libc")]
    private static partial int tcgetattr(int fd, Termios* mode);

    [LibraryImport("libc")]
    private static partial int tcsetattr(int fd, int when, Termios* mode);

    [LibraryImport("libc")]
    private static partial int pthread_sigmask(int how, SignalSet* set, SignalSet* before);

    /// <summary>glibc's struct termios.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 60)]
    private struct Termios
    {
        public uint Input, Output, Control, Local;
        public byte Line;
        public fixed byte Characters[32];
    }

    /// <summary>glibc's sigset_t.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct SignalSet
    {
        public ulong Bits;
    }
}
