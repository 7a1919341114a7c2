using System.Buffers.Binary;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Hotplug;

/// <summary>
/// The registers that the DSDT's PHPR device uses: PCIU at 0 (slots with a new device, cleared by reading), PCID at 4 (slots whose
/// device is to go, cleared by reading), B0EJ at 8 (a written bit ejects that slot), PSEG at 12 (selects the segment).
/// </summary>
public sealed class PciHotplugController(int segments, Action<int, int> eject) : IBusDevice
{
    /// <summary>Length of the registers.</summary>
    public const ulong Length = 0x10;

    private readonly Lock _lock = new();
    private readonly uint[] _inserted = new uint[segments];
    private readonly uint[] _removed = new uint[segments];
    private readonly uint[] _leaving = new uint[segments];   // asked to go and not gone
    private uint _segment;

    /// <summary>
    /// Takes the function in a slot out of the guest's sight, on the vCPU's thread: a guest that looks at the slot after it has ejected a device that was to
    /// go finds it empty. Set before the guest runs.
    /// </summary>
    public Action<int, int>? Hide { get; set; }

    /// <summary>A device is in the slot now. Notify the generic event device after it.</summary>
    public void Inserted(int segment, int slot)
    {
        lock (_lock) _inserted[segment] |= 1u << slot;
    }

    /// <summary>The device in the slot is to go. Notify the generic event device after it.</summary>
    public void RemovalRequested(int segment, int slot)
    {
        lock (_lock)
        {
            _removed[segment] |= 1u << slot;
            _leaving[segment] |= 1u << slot;
        }
    }

    /// <summary>The slot is empty again: what the guest has not been told of it yet is no longer true.</summary>
    public void Emptied(int segment, int slot)
    {
        lock (_lock) Forget(segment, slot);
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        if (data.Length != 4) return;
        uint value = 0;
        lock (_lock)
        {
            bool valid = _segment < _inserted.Length;
            switch (offset)
            {
                case 0 when valid:
                    (value, _inserted[_segment]) = (_inserted[_segment], 0);
                    break;
                case 4 when valid:
                    (value, _removed[_segment]) = (_removed[_segment], 0);
                    break;
                case 12:
                    value = _segment;
                    break;
            }
        }

        BinaryPrimitives.WriteUInt32LittleEndian(data, value);
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length != 4) return;
        uint value = BinaryPrimitives.ReadUInt32LittleEndian(data);
        uint segment;
        lock (_lock)
        {
            if (offset == 12 && value < _inserted.Length) _segment = value;
            segment = _segment;
        }

        if (offset != 8) return;
        for (int slot = 0; slot < 32; slot++)
        {
            if ((value & (1u << slot)) != 0) Eject((int)segment, slot);
        }
    }

    private void Eject(int segment, int slot)
    {
        bool isAwaited;
        lock (_lock)
        {
            // By one vCPU only, and all at once: as soon as the slot is empty another device may come to it.
            isAwaited = (_leaving[segment] >> slot & 1) != 0;
            if (isAwaited) Forget(segment, slot);
        }

        if (isAwaited) Hide?.Invoke(segment, slot);
        eject(segment, slot);
    }

    /// <summary>Under the lock.</summary>
    private void Forget(int segment, int slot)
    {
        _inserted[segment] &= ~(1u << slot);
        _removed[segment] &= ~(1u << slot);
        _leaving[segment] &= ~(1u << slot);
    }
}
