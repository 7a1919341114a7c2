using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Pci;

/// <summary>One base address register: what it is and where it lies now. Changed under its function's lock only.</summary>
public sealed class PciBar : IBusDevice
{
    private readonly PciFunction _function;

    internal PciBar(PciFunction function, int index, PciBarKind kind, ulong length, ulong size, bool prefetchable)
    {
        _function = function;
        Index = index;
        Kind = kind;
        Length = length;
        Size = size;
        IsPrefetchable = prefetchable;
    }

    /// <summary>Number of its (first) register, 0 to 5.</summary>
    public int Index { get; }

    /// <summary>Kind.</summary>
    public PciBarKind Kind { get; }

    /// <summary>Bytes that the function answers.</summary>
    public ulong Length { get; }

    /// <summary>Bytes that the BAR decodes: a power of two, at least 16 for memory and 4 for ports.</summary>
    public ulong Size { get; }

    /// <summary>Whether it decodes ports.</summary>
    public bool IsIo => Kind == PciBarKind.Io;

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

    /// <summary>What lies behind the registers of the function is left as it comes, all ones.</summary>
    void IBusDevice.Read(ulong offset, Span<byte> data)
    {
        int length = Clip(offset, data.Length);
        if (length > 0) _function.ReadBar(Index, offset, data[..length]);
    }

    /// <summary>What lies behind the registers of the function is dropped.</summary>
    void IBusDevice.Write(ulong offset, ReadOnlySpan<byte> data)
    {
        int length = Clip(offset, data.Length);
        if (length > 0) _function.WriteBar(Index, offset, data[..length]);
    }

    private int Clip(ulong offset, int length) =>
        offset >= Length ? 0 : (int)Math.Min((ulong)length, Length - offset);
}
