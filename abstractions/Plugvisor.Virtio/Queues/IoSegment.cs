using System.Runtime.InteropServices;

namespace Plugvisor.Virtio.Queues;

/// <summary>
/// A piece of guest RAM that a descriptor names, checked and translated. Laid out as <c>struct iovec</c>, so a span of them
/// goes to readv, writev and io_uring as it is.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public readonly unsafe struct IoSegment(byte* address, nuint length)
{
    private readonly byte* _address = address;
    private readonly nuint _length = length;

    /// <summary>Host address of the first byte.</summary>
    public byte* Address => _address;

    /// <summary>Bytes.</summary>
    public nuint Length => _length;

    /// <summary>The bytes. The guest may change them at any time: copy what is decided on.</summary>
    public Span<byte> Bytes => new(_address, checked((int)_length));   // SAFETY: made from a checked descriptor only.
}
