namespace Plugvisor.Virtio.Devices;

/// <summary>What an active device can ask of its bus. Any thread; free of locks.</summary>
public interface IVirtioTransport
{
    /// <summary>Device config space changed: bumps config_generation and raises the config interrupt.</summary>
    void SignalConfigChange();

    /// <summary>
    /// Latches DEVICE_NEEDS_RESET (virtio 1.2 section 2.1.2), tells the driver, and logs one line.
    /// Further calls until the reset do nothing.
    /// </summary>
    void NeedsReset(string reason);
}
