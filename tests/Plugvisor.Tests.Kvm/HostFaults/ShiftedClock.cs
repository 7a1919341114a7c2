using System.Diagnostics;
using System.IO.MemoryMappedFiles;

namespace Plugvisor.Tests.Kvm.HostFaults;

/// <summary>A wall clock that a test can move under a process: a library that is preloaded into it, and the file that says by how much.</summary>
internal sealed class ShiftedClock : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("plugvisor-clock").FullName;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public ShiftedClock()
    {
        string library = Path.Combine(_directory, "clock-shift.so"), source = Path.Combine(
            Guests.Repository.Root, "tests", "Plugvisor.Tests.Kvm", "HostFaults", "clock-shift.c");
        using Process gcc = Process.Start("gcc", ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]);
        gcc.WaitForExit();
        if (gcc.ExitCode != 0) throw new InvalidOperationException("clock-shift.c does not build");
        string shift = Path.Combine(_directory, "shift");
        _file = MemoryMappedFile.CreateFromFile(shift, FileMode.CreateNew, null, 4096);
        _view = _file.CreateViewAccessor();
        Command = ["env", $"LD_PRELOAD={library}", $"CLOCK_SHIFT={shift}"];
    }

    /// <summary>Runs the command line behind it on this clock.</summary>
    public string[] Command { get; }

    /// <summary>Puts the clock this far off the real one.</summary>
    public void Set(TimeSpan shift) => _view.Write(0, (long)shift.TotalSeconds);

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
        Directory.Delete(_directory, recursive: true);
    }
}
