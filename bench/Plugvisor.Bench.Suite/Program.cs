using Plugvisor.Bench.Suite;
using Plugvisor.Bench.Suite.Benchmarks;
using Plugvisor.Bench.Suite.Report;
using Plugvisor.Bench.Suite.Tools;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: Plugvisor.Bench.Suite ROOT WORK [FILTER]; bench/run prepares everything and calls it");
    return 2;
}

var inputs = new Inputs(args[0], args[1]);
string filter = args.Length > 2 ? args[2] : "";
List<Benchmark> all =
[
    StartBenchmarks.FirstInstruction(inputs),
    StartBenchmarks.Hello(inputs),
    ApiBenchmarks.FirstPing(inputs),
    StartBenchmarks.IdleMemory(inputs),
    ApiBenchmarks.Ping(inputs),
    ApiBenchmarks.FiftyClients(inputs),
    ApiBenchmarks.FiftyBusyClients(inputs),
    ApiBenchmarks.Pause(inputs),
    ApiBenchmarks.PauseUnderLoad(inputs),
    ApiBenchmarks.HotAdd(inputs),
    ApiBenchmarks.HotAddTail(inputs),
    ApiBenchmarks.FirstHotAdd(inputs),
    ExitBenchmarks.PortExit(inputs),
    DiskBenchmarks.RandomRead(inputs, depth: 1, direct: true),
    DiskBenchmarks.RandomRead(inputs, depth: 32, direct: true),
    DiskBenchmarks.RandomRead(inputs, depth: 32, direct: false),
    NetworkBenchmarks.Send(inputs, 64),
    NetworkBenchmarks.Send(inputs, 1500),
    NetworkBenchmarks.Receive(inputs, 64),
    NetworkBenchmarks.Receive(inputs, 1500),
];
string file = Path.Combine(inputs.Root, "bench/results.json");
List<Result> earlier = ResultsFile.Read(file);
var results = new List<Result>();
foreach (Benchmark benchmark in all)
{
    // What the filter leaves out keeps its results.
    if (benchmark.Name.Contains(filter, StringComparison.Ordinal)) results.AddRange(benchmark.Run(Console.Error));
    else results.AddRange(earlier.Where(result => result.Benchmark == benchmark.Name));
}

string host = $"{HostFacts.Cpu()}, {Environment.ProcessorCount} CPUs, Linux {Environment.OSVersion.Version}";
ResultsFile.Write(file, results, host);
PerformancePage.Write(Path.Combine(inputs.Root, "docs"), all, results, host);
return 0;
