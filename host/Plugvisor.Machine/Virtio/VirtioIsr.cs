namespace Plugvisor.Machine.Virtio;

/// <summary>
/// The ISR status register (virtio 1.2 section 4.1.4.5): reading it clears it. The device has no INTx, so only a driver that polls
/// without MSI-X ever looks.
/// </summary>
internal sealed class VirtioIsr
{
    /// <summary>A queue was used.</summary>
    public const byte Queue = 1;

    /// <summary>Device configuration changed.</summary>
    public const byte Config = 2;

    private int _bits;

    /// <summary>Sets a bit. The look before spares drivers with MSI-X, who never clear it, an interlocked operation a completion.</summary>
    public void Set(byte bit)
    {
        if ((Volatile.Read(ref _bits) & bit) == 0) Interlocked.Or(ref _bits, bit);
    }

    /// <summary>Takes all bits.</summary>
    public byte ReadAndClear() => (byte)Interlocked.Exchange(ref _bits, 0);
}
