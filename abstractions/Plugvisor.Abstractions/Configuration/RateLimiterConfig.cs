namespace Plugvisor.Abstractions.Configuration;

/// <summary>Limits of a device's throughput. A bucket that is absent does not limit.</summary>
[ConfigObject(RejectUnknown = true, ShowNulls = true)]
public sealed partial class RateLimiterConfig
{
    /// <summary>Limit in bytes.</summary>
    [ConfigMember("bandwidth", Cli = "bw_", Help = "Limit in bytes")]
    public TokenBucketConfig? Bandwidth { get; init; }

    /// <summary>Limit in operations.</summary>
    [ConfigMember("ops", Cli = "ops_", Help = "Limit in operations")]
    public TokenBucketConfig? Ops { get; init; }
}
