using System.Buffers.Binary;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioBalloon;

/// <summary>What a balloon carries from one instance to the next: the format's version, then how many pages the guest has handed over.</summary>
/// <param name="Actual">Pages of 4 KiB.</param>
internal readonly record struct State(uint Actual)
{
    private const byte Version = 1;
    private const int Size = 5;

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(1), Actual);
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> made; an empty state is that of a new device.</summary>
    /// <exception cref="DeviceException">It is something else.</exception>
    public static State From(DeviceRequest request)
    {
        ReadOnlySpan<byte> saved = request.SavedState.Span;
        if (saved.IsEmpty) return default;
        if (saved[0] != Version)
            throw new DeviceException($"balloon device {request.Id}: the state of the instance before has version {saved[0]}, this plugin knows {Version}");
        if (saved.Length != Size) throw new DeviceException($"balloon device {request.Id}: the state of the instance before has {saved.Length} bytes in place of {Size}");
        return new State(BinaryPrimitives.ReadUInt32LittleEndian(saved[1..]));
    }
}
