using Plugvisor.Abstractions.Configuration;

namespace Plugvisor.Configuration;

/// <summary>A rate limiter that several devices share.</summary>
[ConfigObject]
public sealed partial class RateLimitGroupConfig
{
    /// <summary>The name that devices use for it; unique among all ids.</summary>
    [ConfigMember("id", Help = "Name of the group")]
    public required string Id { get; init; }

    /// <summary>The limits.</summary>
    [ConfigMember("rate_limiter_config", Cli = "", Help = "The limits")]
    public required RateLimiterConfig RateLimiterConfig { get; init; }
}
