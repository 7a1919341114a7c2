namespace Plugvisor.Bench.Suite;

/// <summary>What is left of the samples of one measurement.</summary>
internal readonly record struct Statistics(double Median, double Min, double Max, double StandardDeviation, int Count)
{
    public static Statistics Of(IReadOnlyList<double> samples)
    {
        double[] sorted = [.. samples];
        Array.Sort(sorted);
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        double mean = sorted.Average();
        double variance = sorted.Sum(x => (x - mean) * (x - mean)) / Math.Max(1, sorted.Length - 1);
        return new Statistics(median, sorted[0], sorted[^1], Math.Sqrt(variance), sorted.Length);
    }
}
