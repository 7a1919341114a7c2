namespace Plugvisor.Bench.Suite;

/// <summary>One side of a measurement: who, and how to take one sample.</summary>
internal sealed record Contender(string Name, Func<double> Sample);
