namespace Plugvisor.Bench.Suite;

/// <summary>
/// A measurement of Plugvisor and of its peers. The first contender is Plugvisor; each round takes one sample of each, so that what the machine does
/// to one it does to the others.
/// </summary>
/// <param name="Name">Name in results.json, with underscores.</param>
/// <param name="Title">Heading on the performance page.</param>
/// <param name="Unit">Unit of the samples.</param>
/// <param name="HigherIsBetter">Direction.</param>
/// <param name="Rounds">Samples of each contender.</param>
/// <param name="Goal">What is aimed at, in words; null for none.</param>
/// <param name="Contenders">Plugvisor first.</param>
internal sealed record Benchmark(
    string Name, string Title, string Unit, bool HigherIsBetter, int Rounds, string? Goal, IReadOnlyList<Contender> Contenders)
{
    /// <summary>Takes the samples. One unmeasured round comes first: it fills caches for everybody.</summary>
    public List<Result> Run(TextWriter progress)
    {
        var samples = Contenders.Select(_ => new List<double>()).ToList();
        for (int round = -1; round < Rounds; round++)
        {
            for (int i = 0; i < Contenders.Count; i++)
            {
                double sample = Contenders[i].Sample();
                if (round >= 0) samples[i].Add(sample);
            }

            progress.Write(round < 0 ? $"{Name}: " : ".");
        }

        var statistics = samples.Select(Statistics.Of).ToList();
        progress.WriteLine(" " + string.Join(", ", Contenders.Zip(statistics, (c, s) => $"{c.Name} {s.Median:0.##} {Unit}")));
        return [.. Contenders.Select((c, i) => new Result(Name, c.Name, Unit, statistics[i], Ratio(samples[0], samples[i])))];
    }

    /// <summary>The median of the ratios within each round: what slows a whole round down cancels out.</summary>
    private static double Ratio(List<double> ours, List<double> peer) => Statistics.Of([.. ours.Zip(peer, (a, b) => a / b)]).Median;
}
