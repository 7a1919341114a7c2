namespace Plugvisor.Plugins.VirtioBalloon;

/// <summary>Numbers of virtio 1.2 section 5.5, with its names.</summary>
internal static class BalloonSpec
{
    /// <summary>Section 5.</summary>
    public const ushort VIRTIO_ID_BALLOON = 5;

    // 5.5.3: feature bits.
    public const int VIRTIO_BALLOON_F_DEFLATE_ON_OOM = 2;
    public const int VIRTIO_BALLOON_F_PAGE_REPORTING = 5;

    // 5.5.2: queues whose feature is not offered are not there, and those behind them move up.
    public const int InflateQueue = 0, DeflateQueue = 1, ReportingQueue = 2;
    public const ushort QueueSize = 128, ReportingQueueSize = 32;

    /// <summary>5.5.4: <c>num_pages</c> and <c>actual</c>; what follows them belongs to features that are not offered.</summary>
    public const int ConfigLength = 8;
    public const int ConfigActual = 4;

    /// <summary>5.5.6: pages are 4 KiB, whatever the guest's are.</summary>
    public const int PageShift = 12;
    public const int PageNumberSize = 4;
}
