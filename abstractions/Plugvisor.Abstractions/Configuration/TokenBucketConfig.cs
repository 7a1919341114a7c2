namespace Plugvisor.Abstractions.Configuration;

/// <summary>One token bucket of a rate limiter.</summary>
[ConfigObject(ShowNulls = true, PresentWhen = "size,refill_time")]
public sealed partial class TokenBucketConfig
{
    /// <summary>Tokens (bytes or operations) in a full bucket.</summary>
    [ConfigMember("size", Help = "Tokens in a full bucket")]
    public required ulong Size { get; init; }

    /// <summary>Extra tokens at start, used first and not refilled.</summary>
    [ConfigMember("one_time_burst", CliDefault = "0", Help = "Extra tokens at start, never refilled")]
    public ulong? OneTimeBurst { get; init; }

    /// <summary>Milliseconds in which an empty bucket fills up.</summary>
    [ConfigMember("refill_time", Unit = "ms", Help = "Time in which an empty bucket fills up")]
    public required ulong RefillTime { get; init; }
}
