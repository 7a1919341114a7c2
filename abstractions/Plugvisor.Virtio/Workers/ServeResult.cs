namespace Plugvisor.Virtio.Workers;

/// <summary>What <see cref="IQueueGroupService.Serve"/> found.</summary>
public enum ServeResult
{
    /// <summary>There was nothing to do.</summary>
    Idle,

    /// <summary>Something was done, and at the last look there was nothing more.</summary>
    Done,

    /// <summary>Something was done, and there is probably more: serve again at once.</summary>
    More,
}
