namespace Plugvisor.Plugins.VirtioBlk;

/// <summary>
/// What a disk carries from one instance to the next besides its queues' indices. Two bytes: the format's version, and whether the
/// driver chose the writeback cache. Newer versions add bytes; an older reader ignores them.
/// </summary>
/// <param name="Writeback">The cache mode that the driver chose.</param>
internal readonly record struct State(bool Writeback)
{
    private const byte Version = 1;

    /// <summary>The state of a new disk.</summary>
    public static State Initial => new(true);

    /// <summary>As it is saved.</summary>
    public byte[] ToBytes() => [Version, Writeback ? (byte)1 : (byte)0];

    /// <summary>Reads what <see cref="ToBytes"/> made; anything else gives a new disk's state.</summary>
    public static State From(ReadOnlySpan<byte> saved) =>
        saved.Length >= 2 && saved[0] >= Version ? new State(saved[1] != 0) : Initial;
}
