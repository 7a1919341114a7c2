namespace Plugvisor.Machine.Virtio;

/// <summary>What is to be done next to bring a device where the driver and the host want it.</summary>
internal enum LifecycleStep
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Tell the device what was negotiated.</summary>
    Activate,

    /// <summary>Start the queues that the driver enabled.</summary>
    StartQueues,

    /// <summary>Stop the running queues; may take as long as the I/O in flight.</summary>
    StopQueues,

    /// <summary>Let the device forget; after all queues were stopped.</summary>
    ResetDevice,
}
