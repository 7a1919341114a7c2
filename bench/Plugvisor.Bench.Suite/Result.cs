namespace Plugvisor.Bench.Suite;

/// <summary>A contender's result.</summary>
/// <param name="Benchmark">Name of the benchmark.</param>
/// <param name="Contender">Who.</param>
/// <param name="Unit">Unit.</param>
/// <param name="HigherIsBetter">Direction.</param>
/// <param name="Statistics">The figures.</param>
/// <param name="RatioToPeer">Plugvisor's median by this contender's median; 1 for Plugvisor itself.</param>
internal sealed record Result(
    string Benchmark, string Contender, string Unit, bool HigherIsBetter, Statistics Statistics, double RatioToPeer);
