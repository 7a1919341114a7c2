using System.Diagnostics;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;
using Plugvisor.Machine.Consoles;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Consoles;

public sealed class HostTerminalTests : IDisposable
{
    private readonly PtyBackend _pty = new();
    private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _file;
    private readonly HostTerminal _terminal;

    public HostTerminalTests()
    {
        _file = File.OpenHandle(_pty.Path!, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        int descriptor = (int)_file.DangerousGetHandle();
        Stty("sane");
        _terminal = new HostTerminal(descriptor, descriptor);
    }

    public void Dispose()
    {
        _terminal.Dispose();
        _file.Dispose();
        _pty.Dispose();
    }

    [Fact]
    public void The_first_device_gets_the_keys_the_next_ones_print_and_the_terminal_is_left_as_it_was()
    {
        string before = Stty("-g");
        ITerminalLease first = _terminal.Attach("__console", () => { });
        Assert.True(first.InputDescriptor >= 0);
        Assert.NotEqual(before, Stty("-g"));
        using (ITerminalLease printer = _terminal.Attach("__serial", () => { }))
        {
            Assert.Equal(-1, printer.InputDescriptor);
            Assert.Equal(first.OutputDescriptor, printer.OutputDescriptor);
        }

        Assert.NotEqual(before, Stty("-g"));
        first.Dispose();
        first.Dispose();
        Assert.Equal(before, Stty("-g"));
        using ITerminalLease second = _terminal.Attach("__serial", () => { });
        Assert.NotEqual(before, Stty("-g"));
    }

    [Fact]
    public void Restoring_is_for_good_and_needs_no_cooperation_of_the_device()
    {
        string before = Stty("-g");
        using IDisposable attached = _terminal.Attach("__console", () => { });
        _terminal.Restore();
        _terminal.Restore();
        Assert.Equal(before, Stty("-g"));
        attached.Dispose();
        using IDisposable late = _terminal.Attach("__console", () => { });
        Assert.Equal(before, Stty("-g"));
    }

    private string Stty(string argument)
    {
        using var stty = Process.Start(new ProcessStartInfo("stty", ["-F", _pty.Path!, argument]) { RedirectStandardOutput = true })!;
        string text = stty.StandardOutput.ReadToEnd();
        stty.WaitForExit();
        Assert.Equal(0, stty.ExitCode);
        return text;
    }
}
