namespace Plugvisor.Bench.Suite;

/// <summary>A contender's result.</summary>
/// <param name="Benchmark">Name of the benchmark.</param>
/// <param name="Contender">Who.</param>
/// <param name="Unit">Unit.</param>
/// <param name="Statistics">The figures.</param>
/// <param name="RatioToPeer">Median over the rounds of Plugvisor's sample by this contender's; 1 for Plugvisor itself.</param>
internal sealed record Result(string Benchmark, string Contender, string Unit, Statistics Statistics, double RatioToPeer);
