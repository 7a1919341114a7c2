namespace Plugvisor.Machine.Virtio;

/// <summary>What the driver told about one queue. The device gets a copy that the driver cannot change any more.</summary>
internal struct QueueSetup
{
    public ushort Size;
    public bool Enabled;
    public ulong Descriptors;
    public ulong Driver;
    public ulong Device;
}
