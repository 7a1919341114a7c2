using Plugvisor.Abstractions.Configuration;
using Plugvisor.Configuration;
using Plugvisor.Virtio.RateLimiting;

namespace Plugvisor.Control;

/// <summary>The rate limiters that a VM's devices share. They live as long as its configuration, so a reset refills nothing.</summary>
internal sealed class RateLimitGroups : IRateLimitGroups
{
    private Dictionary<string, RateLimiter> _groups = [];

    /// <summary>Makes the groups of a configuration; those of the one before are forgotten.</summary>
    public void Replace(IReadOnlyList<RateLimitGroupConfig> groups, TimeProvider clock)
    {
        var made = new Dictionary<string, RateLimiter>(StringComparer.Ordinal);
        foreach (RateLimitGroupConfig group in groups)
        {
            RateLimiterConfig limits = group.RateLimiterConfig;
            made[group.Id] = new RateLimiter(Bucket(limits.Bandwidth), Bucket(limits.Ops), clock);
        }

        _groups = made;
    }

    /// <inheritdoc/>
    public RateLimiter? Find(string id) => _groups.GetValueOrDefault(id);

    private static TokenBucket? Bucket(TokenBucketConfig? config) =>
        config is null ? null : TokenBucket.Create(config.Size, config.OneTimeBurst ?? 0, config.RefillTime);
}
