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

    /// <summary>Reads what <see cref="ToBytes"/> made; anything else gives a new watchdog's state.</summary>
    public static State From(ReadOnlySpan<byte> saved) => new(saved.Length >= 2 && saved[0] >= Version && saved[1] != 0);
}
