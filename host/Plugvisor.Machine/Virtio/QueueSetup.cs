namespace Plugvisor.Machine.Virtio;

/// <summary>What the driver told about one queue. The device gets a copy that the driver cannot change any more.</summary>
internal struct QueueSetup
{
    public ushort Size;

    /// <summary>An impossible size that the driver wrote last, in place of which <see cref="Size"/> stays; otherwise null.</summary>
    public ushort? WrongSize;

    public bool Enabled;
    public ulong Descriptors;
    public ulong Driver;
    public ulong Device;
}
