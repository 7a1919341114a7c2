using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Pci;

/// <summary>One base address register: what it is and where it lies now. Changed under its function's lock only.</summary>
public sealed class PciBar : IBusDevice
{
    private readonly PciFunction _function;

    internal PciBar(PciFunction function, int index, PciBarKind kind, ulong size, bool prefetchable)
    {
        _function = function;
        Index = index;
        Kind = kind;
        Size = size;
        IsPrefetchable = prefetchable;
    }

    /// <summary>Number of its (first) register, 0 to 5.</summary>
    public int Index { get; }

    /// <summary>Kind.</summary>
    public PciBarKind Kind { get; }

    /// <summary>Bytes, a power of two of at least 16.</summary>
    public ulong Size { get; }

    /// <summary>Whether reads have no side effects.</summary>
    public bool IsPrefetchable { get; }

    /// <summary>Whether the BAR answers anywhere.</summary>
    public bool IsMapped { get; internal set; }

    /// <summary>Where it answers, when <see cref="IsMapped"/>.</summary>
    public ulong Address { get; internal set; }

    /// <summary>Registers that were last written with all ones, bit by bit: the guest is about to read the size.</summary>
    internal int Sizing { get; set; }

    /// <summary>The address whose refusal was logged last, so that one move is one line.</summary>
    internal ulong? Refused { get; set; }

    /// <inheritdoc/>
    void IBusDevice.Read(ulong offset, Span<byte> data) => _function.ReadBar(Index, offset, Clip(offset, data));

    /// <inheritdoc/>
    void IBusDevice.Write(ulong offset, ReadOnlySpan<byte> data)
    {
        ulong room = Size - offset;
        _function.WriteBar(Index, offset, (ulong)data.Length <= room ? data : data[..(int)room]);
    }

    private Span<byte> Clip(ulong offset, Span<byte> data)
    {
        ulong room = Size - offset;   // the bus found the offset inside the range
        return (ulong)data.Length <= room ? data : data[..(int)room];
    }
}
