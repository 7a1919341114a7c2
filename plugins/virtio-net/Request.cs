namespace Plugvisor.Plugins.VirtioNet;

/// <summary>
/// A buffer of the guest's that waits for a frame. Lives in native memory, as its segments do (see <see cref="ReceiveWindow"/>). Touched by
/// its queue's owner only.
/// </summary>
internal struct Request
{
    /// <summary>The chain's token.</summary>
    public ushort Head;

    /// <summary>Segments that it has.</summary>
    public int Segments;

    /// <summary>Bytes that they hold together.</summary>
    public uint Bytes;
}
