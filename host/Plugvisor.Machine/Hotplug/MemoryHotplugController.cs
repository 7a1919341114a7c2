using System.Buffers.Binary;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Hotplug;

/// <summary>
/// The registers that the DSDT's MHPC device uses: a write at 0 selects a slot; read, 0 and 4 are its address, 8 and 0xC its length,
/// 0x10 its proximity domain; the byte at 0x14 is its state (bit 0 enabled, bit 1 inserting, bit 2 removing). Memory does not go
/// through ACPI again: ejecting is declared and ignored.
/// </summary>
public sealed class MemoryHotplugController : IBusDevice
{
    /// <summary>Length of the registers.</summary>
    public const ulong Length = 0x18;

    /// <summary>Slots, each for one piece of memory that was added.</summary>
    public const int Slots = 8;

    private const byte Enabled = 1, Inserting = 2, Removing = 4;
    private const ulong StatusOffset = 0x14;

    private readonly Lock _lock = new();
    private readonly Slot[] _slots = new Slot[Slots];
    private int _used;
    private uint _selected;

    /// <summary>Slots that are still free.</summary>
    public int Free
    {
        get
        {
            lock (_lock) return Slots - _used;
        }
    }

    /// <summary>Memory was added. Notify the generic event device after it.</summary>
    /// <returns>False when all slots are taken; nothing changes then.</returns>
    public bool TryInsert(ulong address, ulong length)
    {
        lock (_lock)
        {
            if (_used == Slots) return false;
            _slots[_used++] = new Slot { Address = address, Length = length, State = Enabled | Inserting };
            return true;
        }
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        data.Clear();
        lock (_lock)
        {
            if (_selected >= Slots) return;
            ref readonly Slot slot = ref _slots[_selected];
            if (offset == StatusOffset && data.Length > 0) data[0] = slot.State;
            if (data.Length != 4) return;
            switch (offset)
            {
                case 0:
                    BinaryPrimitives.WriteUInt32LittleEndian(data, (uint)slot.Address);
                    break;
                case 4:
                    BinaryPrimitives.WriteUInt32LittleEndian(data, (uint)(slot.Address >> 32));
                    break;
                case 8:
                    BinaryPrimitives.WriteUInt32LittleEndian(data, (uint)slot.Length);
                    break;
                case 12:
                    BinaryPrimitives.WriteUInt32LittleEndian(data, (uint)(slot.Length >> 32));
                    break;
            }
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            if (offset == 0 && data.Length == 4) _selected = BinaryPrimitives.ReadUInt32LittleEndian(data);
            // Writing 1 to the inserting and removing bits acknowledges them.
            if (offset == StatusOffset && data.Length > 0 && _selected < Slots)
                _slots[_selected].State &= (byte)~(data[0] & (Inserting | Removing));
        }
    }

    private struct Slot
    {
        public ulong Address;
        public ulong Length;
        public byte State;
    }
}
