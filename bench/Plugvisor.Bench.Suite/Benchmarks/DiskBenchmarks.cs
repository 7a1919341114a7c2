using System.Text.Json;
using Plugvisor.Bench.Suite.Tools;

namespace Plugvisor.Bench.Suite.Benchmarks;

/// <summary>4 KiB random reads by a native guest that verifies each block, against QEMU on the same guest and image and fio on the same image.</summary>
internal static class DiskBenchmarks
{
    private const int Megabytes = 256;

    public static Benchmark RandomRead(Inputs inputs, int depth, bool direct)
    {
        string name = $"random_read_4k_depth_{depth}_{(direct ? "direct" : "cached")}";
        string title = $"4 KiB random reads, depth {depth}, {(direct ? "O_DIRECT" : "page cache")}, one queue";
        string? goal = direct && depth == 32 ? "at least 0.9 of QEMU's and 0.7 of fio's" : null;
        string guest = inputs.Guest("blk-read");
        string options = $"qd={depth} reqs={(depth == 1 ? 60_000 : 400_000)} seed=1";
        return new Benchmark(name, title, "IOPS", true, 7, goal,
        [
            new("plugvisor", () => GuestIops(ChildProcess.Run(inputs.Plugvisor,
            [
                .. Inputs.Ours(guest, options, Megabytes), "--disk", $"path={inputs.PatternImage},image_type=raw,direct={(direct ? "on" : "off")}",
            ]))),
            new("qemu", () => GuestIops(ChildProcess.Run("qemu-system-x86_64",
            [
                .. Inputs.Qemu("q35", guest, options, Megabytes), "-object", "iothread,id=t",
                "-drive", $"if=none,id=d,file={inputs.PatternImage},format=raw,cache={(direct ? "none" : "writeback")},aio=io_uring",
                "-device", "virtio-blk-pci,drive=d,iothread=t,disable-legacy=on",
            ]))),
            new("fio", () => FioIops(ChildProcess.Run("fio",
            [
                "--name=read", $"--filename={inputs.PatternImage}", "--rw=randread", "--bs=4k", $"--direct={(direct ? 1 : 0)}", "--invalidate=0",
                "--ioengine=io_uring", $"--iodepth={depth}", "--runtime=3", "--time_based", "--output-format=json",
            ]))),
        ]);
    }

    private static double GuestIops(string output)
    {
        if (!output.Contains("errors 0", StringComparison.Ordinal)) throw new InvalidOperationException($"the guest read wrong data: {output}");
        return ChildProcess.NumberAfter("iops", output);
    }

    private static double FioIops(string output)
    {
        using JsonDocument json = JsonDocument.Parse(output[output.IndexOf('{', StringComparison.Ordinal)..]);
        return json.RootElement.GetProperty("jobs")[0].GetProperty("read").GetProperty("iops").GetDouble();
    }
}
