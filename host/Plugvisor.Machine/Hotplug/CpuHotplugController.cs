using System.Buffers.Binary;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Hotplug;

/// <summary>
/// The registers that the DSDT's PRES device uses: CSEL at 0 selects a vCPU, the byte at 4 is its state (bit 0 enabled, bit 1 inserting,
/// bit 2 removing, writing bit 3 ejects). Command and data at 5 and 8 are declared and read 0.
/// </summary>
public sealed class CpuHotplugController : IBusDevice
{
    /// <summary>Length of the registers.</summary>
    public const ulong Length = 0xc;

    private const byte Enabled = 1, Inserting = 2, Removing = 4, Eject = 8;

    private readonly Lock _lock = new();
    private readonly byte[] _states;
    private readonly Action<int> _eject;
    private uint _selected;

    /// <summary>A controller for <paramref name="max"/> vCPUs, of which the first <paramref name="boot"/> are there.</summary>
    /// <param name="boot">vCPUs at boot.</param>
    /// <param name="max">vCPUs that there can ever be.</param>
    /// <param name="eject">The guest let go of a vCPU. Called on a vCPU thread; posts.</param>
    public CpuHotplugController(int boot, int max, Action<int> eject)
    {
        _states = new byte[max];
        _states.AsSpan(0, boot).Fill(Enabled);
        _eject = eject;
    }

    /// <summary>A vCPU was added. Notify the generic event device after it.</summary>
    public void Inserted(int vcpu)
    {
        lock (_lock) _states[vcpu] |= Enabled | Inserting;
    }

    /// <summary>A vCPU is to go. Notify the generic event device after it.</summary>
    public void RemovalRequested(int vcpu)
    {
        lock (_lock) _states[vcpu] |= Removing;
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        data.Clear();
        lock (_lock)
        {
            if (offset == 0 && data.Length == 4) BinaryPrimitives.WriteUInt32LittleEndian(data, _selected);
            else if (offset == 4 && data.Length > 0 && _selected < _states.Length) data[0] = _states[_selected];
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        int ejected = -1;
        lock (_lock)
        {
            if (offset == 0 && data.Length == 4) _selected = BinaryPrimitives.ReadUInt32LittleEndian(data);
            if (offset != 4 || data.IsEmpty || _selected >= _states.Length) return;
            // Writing 1 to the inserting and removing bits acknowledges them.
            _states[_selected] &= (byte)~(data[0] & (Inserting | Removing));
            if ((data[0] & Eject) != 0 && (_states[_selected] & Enabled) != 0 && _selected != 0)
            {
                _states[_selected] = 0;
                ejected = (int)_selected;
            }
        }

        if (ejected >= 0) _eject(ejected);
    }
}
