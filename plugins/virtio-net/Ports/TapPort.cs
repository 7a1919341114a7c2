using System.Runtime.InteropServices;
using Plugvisor.Linux.Network;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioNet.Ports;

/// <summary>A queue of a tap interface.</summary>
internal sealed unsafe class TapPort(TapQueue tap) : IPort
{
    /// <inheritdoc/>
    public int Descriptor => tap.Descriptor;

    /// <inheritdoc/>
    public SafeHandle Handle => tap;

    /// <inheritdoc/>
    public nint Read(IoSegment* vectors, int count) => tap.Read(vectors, count);

    /// <inheritdoc/>
    public nint Write(IoSegment* vectors, int count) => tap.Write(vectors, count);

    /// <inheritdoc/>
    public int SetOffloads(TapOffloads offloads) => tap.SetOffloads(offloads);

    /// <inheritdoc/>
    public int SetAttached(bool attached) => tap.SetAttached(attached);

    /// <inheritdoc/>
    public void Dispose() => tap.Dispose();
}
