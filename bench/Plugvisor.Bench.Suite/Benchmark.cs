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
        double ours = statistics[0].Median;
        return [.. Contenders.Zip(statistics, (c, s) => new Result(Name, c.Name, Unit, HigherIsBetter, s, ours / s.Median))];
    }
}
