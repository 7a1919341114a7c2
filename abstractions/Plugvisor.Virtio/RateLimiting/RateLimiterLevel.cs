namespace Plugvisor.Virtio.RateLimiting;

/// <summary>How full the buckets of a limiter are; the default for what it does not limit.</summary>
/// <param name="Bandwidth">Bytes.</param>
/// <param name="Operations">Operations.</param>
public readonly record struct RateLimiterLevel(TokenBucketLevel Bandwidth, TokenBucketLevel Operations);
