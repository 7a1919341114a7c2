using System.Buffers.Binary;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// The 4 KiB of configuration registers of one function: their values and, bit by bit, what the guest may write. The owner
/// (<see cref="PciFunction"/>) serialises the accesses; offsets and lengths are those that it has clipped to the space.
/// </summary>
public sealed class PciConfigSpace
{
    /// <summary>Bytes of configuration space (PCI Express 4.0 section 7.2.2).</summary>
    public const int Size = 4096;

    private readonly byte[] _values = new byte[Size];
    private readonly byte[] _writable = new byte[Size];
    private ulong _taken;          // one bit a dword from the first that may hold a capability
    private ulong _headers;        // the same: capabilities start there
    private int _lastPointer = PciRegisters.CapabilityPointer;

    /// <summary>A type 0 header with the given identity; command, cache line size and interrupt line are writable.</summary>
    /// <param name="vendor">Vendor id.</param>
    /// <param name="device">Device id.</param>
    /// <param name="classCode">Base class, subclass and programming interface as 0xBBSSPP.</param>
    /// <param name="revision">Revision id.</param>
    /// <param name="subsystemVendor">Subsystem vendor id.</param>
    /// <param name="subsystem">Subsystem id.</param>
    public PciConfigSpace(
        ushort vendor, ushort device, uint classCode, byte revision = 0, ushort subsystemVendor = 0, ushort subsystem = 0)
    {
        Set16(PciRegisters.VendorId, vendor);
        Set16(PciRegisters.DeviceId, device);
        Set32(PciRegisters.Revision, (classCode << 8) | revision);
        Set16(PciRegisters.SubsystemVendorId, subsystemVendor);
        Set16(PciRegisters.SubsystemId, subsystem);
        AllowWrite16(PciRegisters.Command,
            PciRegisters.CommandMemory | PciRegisters.CommandBusMaster | PciRegisters.CommandInterruptDisable);
        _writable[PciRegisters.CacheLineSize] = 0xff;
        _writable[PciRegisters.InterruptLine] = 0xff;
    }

    /// <summary>A register's value, host side.</summary>
    public byte Get8(int offset) => _values[offset];

    /// <summary>A register's value, host side.</summary>
    public ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_values.AsSpan(offset));

    /// <summary>A register's value, host side.</summary>
    public uint Get32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_values.AsSpan(offset));

    /// <summary>Sets a register, host side, whatever the guest may write of it.</summary>
    public void Set16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_values.AsSpan(offset), value);

    /// <summary>Sets a register, host side, whatever the guest may write of it.</summary>
    public void Set32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_values.AsSpan(offset), value);

    /// <summary>Says which bits of a register the guest may write.</summary>
    public void AllowWrite16(int offset, ushort mask) => BinaryPrimitives.WriteUInt16LittleEndian(_writable.AsSpan(offset), mask);

    /// <summary>Says which further bits of a register the guest may write.</summary>
    public void AllowMoreWrites16(int offset, ushort mask) =>
        AllowWrite16(offset, (ushort)(mask | BinaryPrimitives.ReadUInt16LittleEndian(_writable.AsSpan(offset))));

    /// <summary>Says which bits of a register the guest may write.</summary>
    public void AllowWrite32(int offset, uint mask) => BinaryPrimitives.WriteUInt32LittleEndian(_writable.AsSpan(offset), mask);

    /// <summary>Keeps registers free of capabilities that are placed without a wish. Beyond the first 256 bytes there are none anyway.</summary>
    public void Reserve(int offset, int length) => _taken |= Dwords(offset, length);

    /// <summary>
    /// Appends a capability to the list, in the order of the calls (PCI Local Bus 3.0 section 6.7).
    /// </summary>
    /// <param name="id">Capability id.</param>
    /// <param name="body">What follows the id and the pointer to the next one.</param>
    /// <param name="at">Where it shall start, also in a reserved place; by default the lowest place that is free.</param>
    /// <returns>Where the capability starts.</returns>
    /// <exception cref="InvalidOperationException">The 192 bytes for capabilities are used up: a bug of the host or of a plugin.</exception>
    public int AddCapability(byte id, ReadOnlySpan<byte> body, int? at = null)
    {
        int length = (2 + body.Length + 3) & ~3, start = at ?? FindFree(length);
        if (start < 0 || start + length > PciRegisters.ConventionalEnd)
            throw new InvalidOperationException($"no room in configuration space for a capability of {length} bytes");
        _taken |= Dwords(start, length);
        _headers |= Dwords(start, 4);
        _values[start] = id;
        body.CopyTo(_values.AsSpan(start + 2));
        _values[_lastPointer] = (byte)start;
        _lastPointer = start + 1;
        Set16(PciRegisters.Status, (ushort)(Get16(PciRegisters.Status) | PciRegisters.StatusCapabilities));
        return start;
    }

    /// <summary>Whether a register begins with id and next pointer of a capability.</summary>
    public bool IsCapabilityHeader(int offset) => (_headers & Dwords(offset, 4)) != 0;

    /// <summary>Copies registers out. The range lies in the space.</summary>
    public void Read(int offset, Span<byte> data) => _values.AsSpan(offset, data.Length).CopyTo(data);

    /// <summary>Writes what the guest may write of the range, which lies in the space.</summary>
    public void Write(int offset, ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < data.Length; i++)
        {
            ref byte value = ref _values[offset + i];
            byte mask = _writable[offset + i];
            value = (byte)((value & ~mask) | (data[i] & mask));
        }
    }

    private int FindFree(int length)
    {
        for (int start = PciRegisters.FirstCapability; start + length <= PciRegisters.ConventionalEnd; start += 4)
        {
            if ((_taken & Dwords(start, length)) == 0) return start;
        }

        return -1;
    }

    /// <summary>One bit for each dword of a range that lies where capabilities may.</summary>
    internal static ulong Dwords(int offset, int length)
    {
        int first = Math.Max(offset, PciRegisters.FirstCapability), end = Math.Min(offset + length, PciRegisters.ConventionalEnd);
        if (first >= end) return 0;
        int count = (end - first + 3) / 4;
        return ((1UL << count) - 1) << ((first - PciRegisters.FirstCapability) / 4);
    }
}
