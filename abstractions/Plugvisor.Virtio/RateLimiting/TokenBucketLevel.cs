namespace Plugvisor.Virtio.RateLimiting;

/// <summary>How full a bucket is.</summary>
/// <param name="Refilled">Nanoseconds of refill that are in it; negative for a debt.</param>
/// <param name="Burst">Tokens of the one-time burst that are left.</param>
public readonly record struct TokenBucketLevel(long Refilled, long Burst);
