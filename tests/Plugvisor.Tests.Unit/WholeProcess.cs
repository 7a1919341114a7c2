using Xunit;

namespace Plugvisor.Tests.Unit;

/// <summary>Tests that count what the process holds (descriptors, threads, memory); they run alone, one after the other.</summary>
[CollectionDefinition(nameof(WholeProcess), DisableParallelization = true)]
public sealed class WholeProcess;
