using System.Runtime.InteropServices;
using Plugvisor.Linux.Network;
using Plugvisor.Virtio.Queues;

namespace Plugvisor.Plugins.VirtioNet.Ports;

/// <summary>
/// The host's end of one pair of queues: frames go in and out, each with a virtio-net header in front, and never wait. One thread reads, one
/// writes; the rest may be called from any thread.
/// </summary>
internal unsafe interface IPort : IDisposable
{
    /// <summary>For poll sets.</summary>
    int Descriptor { get; }

    /// <summary>The same, for an instance that goes on with it.</summary>
    SafeHandle Handle { get; }

    /// <summary>Reads one header and frame.</summary>
    /// <returns>Bytes, or a negative errno: EAGAIN when there is none, EBADFD when the port is gone.</returns>
    nint Read(IoSegment* vectors, int count);

    /// <summary>Writes one header and frame.</summary>
    /// <returns>Bytes, or a negative errno: EAGAIN when there is no room, EBADFD as above, others for a frame that the host does not take.</returns>
    nint Write(IoSegment* vectors, int count);

    /// <summary>What frames that are read may leave to be done. One call for all pairs.</summary>
    /// <returns>0, or a negative errno.</returns>
    int SetOffloads(TapOffloads offloads);

    /// <summary>Puts a pair in use or out of use; the host sends to those in use. The first one always is.</summary>
    /// <returns>0, or a negative errno.</returns>
    int SetAttached(bool attached);
}
