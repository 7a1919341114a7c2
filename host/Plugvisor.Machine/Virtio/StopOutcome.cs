namespace Plugvisor.Machine.Virtio;

/// <summary>How far stopping a device's queues has come.</summary>
internal enum StopOutcome
{
    /// <summary>No queue runs.</summary>
    Stopped,

    /// <summary>Something is in flight, or the device has to be waited for: go on where waiting harms nobody.</summary>
    MustWait,

    /// <summary>The device threw, so a queue may run on for ever.</summary>
    Failed,
}
