using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>
/// What a vsock device carries from one instance to the next: the format's version, whether the guest has to be told of lost connections, and the connections.
/// These go on only where their sockets come along, in the same process; elsewhere the guest is told that they are gone.
/// </summary>
internal static class State
{
    private const byte Version = 1;

    /// <summary>The state as it is saved. The device's thread does not run.</summary>
    public static byte[] Save(Muxer muxer, bool tellsReset)
    {
        using var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes);
        to.Write(Version);
        to.Write(tellsReset);
        muxer.Save(to);
        to.Flush();
        return bytes.ToArray();
    }

    /// <summary>Goes on where an earlier instance stands.</summary>
    /// <param name="request">What the new device is to be.</param>
    /// <param name="muxer">Gets the connections.</param>
    /// <param name="first">Index of the first connection's socket in what was inherited.</param>
    /// <returns>Whether the guest has to be told that its connections are gone.</returns>
    /// <exception cref="DeviceException">The state cannot be read.</exception>
    public static bool Restore(DeviceRequest request, Muxer muxer, int first)
    {
        if (request.SavedState.IsEmpty) return false;
        try
        {
            using var from = new BinaryReader(new MemoryStream(request.SavedState.ToArray()));
            byte version = from.ReadByte();
            if (version != Version) throw new InvalidDataException($"it has version {version}, this plugin knows {Version}");
            bool tellsReset = from.ReadBoolean();
            if (request.Inherited.Count == 0) return true;
            muxer.Restore(from, request.Inherited, first);
            return tellsReset;
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new DeviceException($"vsock device {request.Id}: the state of the instance before cannot be used: {e.Message}", e);
        }
    }
}
