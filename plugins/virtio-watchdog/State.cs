using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Plugins.VirtioWatchdog;

/// <summary>
/// What a watchdog carries from one instance to the next besides its queue's indices. Two bytes: the format's version, and whether the timer runs.
/// How long ago the guest fed it is not carried: the new instance starts with the full time. Newer versions add bytes; an older reader ignores them.
/// </summary>
/// <param name="Armed">Whether the guest has fed the watchdog, which starts the timer.</param>
internal readonly record struct State(bool Armed)
{
    private const byte Version = 1;

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes() => [Version, Armed ? (byte)1 : (byte)0];

    /// <summary>Reads what <see cref="ToBytes"/> made; nothing gives a new watchdog's state.</summary>
    /// <exception cref="DeviceException">It is not that, or of a version that is not known.</exception>
    public static State From(ReadOnlySpan<byte> saved)
    {
        if (saved.IsEmpty) return default;
        if (saved[0] != Version || saved.Length < 2)
            throw new DeviceException($"the watchdog's saved state has version {saved[0]} and {saved.Length} bytes; this plugin knows version {Version}");
        return new State(saved[1] != 0);
    }
}
