using System.Buffers.Binary;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// Configuration mechanism #1 (PCI Local Bus 3.0 section 3.2.2.3.2): the address dword at port 0xCF8, the data at 0xCFC to 0xCFF.
/// Only a dword write sets the address; smaller ones to that port mean other hardware that is not here.
/// </summary>
internal sealed class PciConfigPorts(PciSegment segment) : IBusDevice
{
    public const ulong Port = 0xcf8;
    public const ulong Length = 8;

    private const uint Enable = 1u << 31;

    private uint _address;

    public void Read(ulong offset, Span<byte> data)
    {
        uint address = Volatile.Read(ref _address);
        if (offset < 4)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, address);
            for (int i = 0; i < data.Length && (int)offset + i < 4; i++) data[i] = bytes[(int)offset + i];
            return;
        }

        if (!IsData(offset, data.Length, address)) return;
        segment.ReadConfig(address >> 16 & 0xff, address >> 11 & 31, address >> 8 & 7, Register(address, offset), data);
    }

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset == 0 && data.Length == 4) Volatile.Write(ref _address, BinaryPrimitives.ReadUInt32LittleEndian(data));
        uint address = Volatile.Read(ref _address);
        if (offset < 4 || !IsData(offset, data.Length, address)) return;
        segment.WriteConfig(address >> 16 & 0xff, address >> 11 & 31, address >> 8 & 7, Register(address, offset), data);
    }

    private static bool IsData(ulong offset, int length, uint address) =>
        (address & Enable) != 0 && (int)offset - 4 + length <= 4;

    private static int Register(uint address, ulong offset) => (int)(address & 0xfc) + ((int)offset & 3);
}
