using System.Runtime.InteropServices;

namespace Plugvisor.Plugins.VirtioVsock;

/// <summary>
/// RST packets for what is no connection (virtio 1.2 section 5.10.6.4). While it is full no packet of the guest is taken, so a guest that
/// provokes them without end and takes none only stops itself.
/// </summary>
internal sealed class ResetQueue
{
    private readonly Packet[] _packets = new Packet[VsockSpec.QueueSize];
    private int _first, _count;

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _count == 0;

    /// <summary>Whether there is no room for another.</summary>
    public bool IsFull => _count == _packets.Length;

    /// <summary>Adds the answer to a packet of the guest.</summary>
    public void Add(in Packet packet) => _packets[(_first + _count++) % _packets.Length] = new Packet
    {
        SourceCid = packet.DestinationCid, DestinationCid = packet.SourceCid, SourcePort = packet.DestinationPort,
        DestinationPort = packet.SourcePort, Type = packet.Type, Operation = VsockSpec.VIRTIO_VSOCK_OP_RST,
    };

    /// <summary>Takes the oldest one.</summary>
    public Packet Take()
    {
        Packet packet = _packets[_first];
        _first = (_first + 1) % _packets.Length;
        _count--;
        return packet;
    }

    /// <summary>Writes all of them.</summary>
    public void Save(BinaryWriter to)
    {
        to.Write((ushort)_count);
        for (int i = 0; i < _count; i++) to.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<Packet>(in _packets[(_first + i) % _packets.Length])));
    }

    /// <summary>Reads what <see cref="Save"/> wrote; there are none yet.</summary>
    public void Restore(BinaryReader from)
    {
        int count = from.ReadUInt16();
        for (int i = 0; i < count && !IsFull; i++) from.BaseStream.ReadExactly(MemoryMarshal.AsBytes(new Span<Packet>(ref _packets[_count++])));
    }

    /// <summary>Forgets all.</summary>
    public void Clear() => _first = _count = 0;
}
