namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>Latencies of one kind of request, in ticks of the stopwatch.</summary>
/// <param name="Min">The shortest; <see cref="ulong.MaxValue"/> before the first.</param>
/// <param name="Max">The longest.</param>
/// <param name="Sum">All together.</param>
/// <param name="Count">How many.</param>
internal readonly record struct LatencyTotals(ulong Min, ulong Max, ulong Sum, ulong Count)
{
    /// <summary>Before the first.</summary>
    public static LatencyTotals None => new(ulong.MaxValue, 0, 0, 0);

    /// <summary>Both together.</summary>
    public LatencyTotals With(in LatencyTotals other) =>
        new(ulong.Min(Min, other.Min), ulong.Max(Max, other.Max), Sum + other.Sum, Count + other.Count);
}
