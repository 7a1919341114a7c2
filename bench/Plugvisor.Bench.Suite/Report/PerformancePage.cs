using System.Globalization;
using System.Text;

namespace Plugvisor.Bench.Suite.Report;

/// <summary>Writes docs/performance.md and its plots from results.</summary>
internal static class PerformancePage
{
    public static void Write(string docs, IReadOnlyList<Benchmark> benchmarks, IReadOnlyList<Result> results, string host)
    {
        string plots = Path.Combine(docs, "performance");
        Directory.CreateDirectory(plots);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Performance

            Made by `bench/run` on {DateTime.UtcNow:yyyy-MM-dd} from `bench/results.json`; do not edit. Host: {host}.

            All contenders of a benchmark run the same guest image (and image file) interleaved in one run. Machines differ and are noisy: look at the
            ratios. The ratio is the median, over the rounds, of Plugvisor's sample by the peer's of the same round.


            """);
        foreach (Benchmark benchmark in benchmarks)
        {
            List<Result> own = [.. results.Where(result => result.Benchmark == benchmark.Name)];
            if (own.Count == 0) continue;
            File.WriteAllText(Path.Combine(plots, benchmark.Name + ".svg"), BarPlot.Render(benchmark, own));
            text.Append(CultureInfo.InvariantCulture, $"## {benchmark.Title}\n\n");
            text.Append(benchmark.HigherIsBetter ? "Higher is better." : "Lower is better.");
            if (benchmark.Goal is not null) text.Append(CultureInfo.InvariantCulture, $" Goal: {benchmark.Goal}.");
            text.Append(CultureInfo.InvariantCulture, $"\n\n![{benchmark.Title}](performance/{benchmark.Name}.svg)\n\n");
            text.Append(CultureInfo.InvariantCulture, $"| | median ({benchmark.Unit}) | min | max | std dev | samples | ratio |\n| --- | --- | --- | --- | --- | --- | --- |\n");
            foreach (Result result in own)
            {
                Statistics s = result.Statistics;
                text.Append(CultureInfo.InvariantCulture,
                    $"| {result.Contender} | {Number(s.Median)} | {Number(s.Min)} | {Number(s.Max)} | {Number(s.StandardDeviation)} | {s.Count} | {result.RatioToPeer:0.00} |\n");
            }

            text.Append('\n');
        }

        File.WriteAllText(Path.Combine(docs, "performance.md"), text.ToString());
    }

    internal static string Number(double value) => value >= 1000
        ? value.ToString("N0", CultureInfo.InvariantCulture) : value.ToString("0.##", CultureInfo.InvariantCulture);
}
