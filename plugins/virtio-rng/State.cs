using Plugvisor.Abstractions.Devices;
using Plugvisor.Virtio.RateLimiting;

namespace Plugvisor.Plugins.VirtioRng;

/// <summary>
/// What an entropy device carries from one instance to the next besides its queue's indices: the format's version, and how much of its rate the guest has used. Newer
/// versions add bytes; an older reader ignores them.
/// </summary>
/// <param name="Limits">Of the device's rate.</param>
internal readonly record struct State(RateLimiterLevel Limits)
{
    private const byte Version = 1;
    private const int Size = 1 + RateLimiterLevel.Size;

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        bytes[0] = Version;
        Limits.Write(bytes.AsSpan(1));
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> made; null for a new device.</summary>
    /// <exception cref="DeviceException">It is not that, or of a version that is not known.</exception>
    public static State? From(ReadOnlySpan<byte> saved)
    {
        if (saved.IsEmpty) return null;
        if (saved[0] != Version || saved.Length < Size)
            throw new DeviceException($"the entropy device's saved state has version {saved[0]} and {saved.Length} bytes; this plugin knows version {Version}");
        return new State(RateLimiterLevel.Read(saved[1..]));
    }
}
