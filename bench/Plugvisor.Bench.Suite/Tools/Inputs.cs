namespace Plugvisor.Bench.Suite.Tools;

/// <summary>Where the things are that are measured. bench/run makes them and passes their directories.</summary>
/// <param name="Root">The repository.</param>
/// <param name="Work">Scratch directory on a real disk.</param>
internal sealed record Inputs(string Root, string Work)
{
    /// <summary>The published executable.</summary>
    public string Plugvisor => Path.Combine(Root, "out/plugvisor");

    /// <summary>An image that holds the pattern which blk-read verifies.</summary>
    public string PatternImage => Path.Combine(Work, "pattern.img");

    /// <summary>The exit loop in C.</summary>
    public string ExitLoopInC => Path.Combine(Root, "artifacts/bench/pio-loop");

    /// <summary>Clients of the API in C, which take little of the processors that they measure on.</summary>
    public string ApiClients => Path.Combine(Root, "artifacts/bench/api-clients");

    /// <summary>The host's end of a tap.</summary>
    public string NetPeer => Path.Combine(Root, "artifacts/peers/net-peer");

    /// <summary>A test guest.</summary>
    public string Guest(string name) => Path.Combine(Root, "artifacts/guests", name);

    /// <summary>QEMU's arguments that all runs share.</summary>
    public static IEnumerable<string> Qemu(string machine, string guest, string commandLine, int megabytes = 256) =>
    [
        "-enable-kvm", "-M", machine, "-cpu", "host,-arch-capabilities", "-m", $"{megabytes}", "-display", "none", "-nodefaults",
        "-serial", "stdio", "-no-reboot", "-device", "isa-debug-exit", "-kernel", guest, "-append", commandLine,
    ];

    /// <summary>Plugvisor's arguments that all runs share.</summary>
    public static IEnumerable<string> Ours(string guest, string commandLine, int megabytes = 256, string api = "none") =>
    [
        "--kernel", guest, "--cmdline", commandLine, "--memory", $"size={megabytes}M", "--serial", "tty", "--console", "off",
        "--api-socket", api,
    ];
}
