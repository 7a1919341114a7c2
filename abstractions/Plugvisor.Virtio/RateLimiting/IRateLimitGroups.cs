namespace Plugvisor.Virtio.RateLimiting;

/// <summary>The VM's rate-limit groups; a service of the host (<c>IDeviceHost.Service</c>).</summary>
public interface IRateLimitGroups
{
    /// <summary>The limiter that all members of a group share, or null when there is no group of that id.</summary>
    RateLimiter? Find(string id);
}
