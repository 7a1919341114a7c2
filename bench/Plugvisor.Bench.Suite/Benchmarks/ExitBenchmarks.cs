using Plugvisor.Bench.Suite.Tools;

namespace Plugvisor.Bench.Suite.Benchmarks;

/// <summary>What one port exit costs: the same guest in our loop, in a loop in C, in QEMU.</summary>
internal static class ExitBenchmarks
{
    private const string Options = "reqs=20000";

    public static Benchmark PortExit(Inputs inputs)
    {
        string guest = inputs.Guest("pio-loop");
        return new Benchmark("port_exit", "Cost of one port exit", "TSC cycles", false, 31, "within 5 % of the loop in C",
        [
            new("plugvisor", () => CyclesPerExit(ChildProcess.Run(inputs.Plugvisor, Inputs.Ours(guest, Options)))),
            new("c-loop", () => CyclesPerExit(ChildProcess.Run(inputs.ExitLoopInC, guest, Options))),
            new("qemu-microvm", () => CyclesPerExit(ChildProcess.Run("qemu-system-x86_64", Inputs.Qemu("microvm", guest, Options)))),
        ]);
    }

    private static double CyclesPerExit(string output) => ChildProcess.NumberAfter("cycles_per_exit", output);
}
