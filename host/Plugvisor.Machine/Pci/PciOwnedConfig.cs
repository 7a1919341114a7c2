using System.Diagnostics.CodeAnalysis;
using Plugvisor.Abstractions.Pci;
using Plugvisor.Machine.Devices;

namespace Plugvisor.Machine.Pci;

/// <summary>
/// The configuration registers that a device answers itself. Whatever the guest accesses becomes whole registers with byte enables, as on
/// the bus; headers of capabilities inside them stay the host's.
/// </summary>
internal sealed class PciOwnedConfig
{
    private const int HeaderLength = 2;

    private readonly PciConfigSpace _config;
    private readonly DeviceLatch _latch;
    private readonly bool[] _owned = new bool[PciConfigSpace.Size / 4];

    /// <summary>Takes ranges that were checked.</summary>
    public PciOwnedConfig(IPciConfigSpace device, IReadOnlyList<PciConfigRange> ranges, PciConfigSpace config, DeviceLatch latch)
    {
        Device = device;
        _config = config;
        _latch = latch;
        foreach (PciConfigRange range in ranges) _owned.AsSpan(range.Offset / 4, range.Length / 4).Fill(true);
    }

    /// <summary>Who answers. Another one only while no access is under way.</summary>
    public IPciConfigSpace Device { get; set; }

    /// <summary>Whether a range that lies in the space has bytes of the device.</summary>
    public bool Touches(int offset, int length)
    {
        for (int register = offset & ~3; register < offset + length; register += 4)
        {
            if (_owned[register / 4]) return true;
        }

        return false;
    }

    /// <summary>Replaces the device's bytes in what the guest reads.</summary>
    public void Read(int offset, Span<byte> data)
    {
        for (int register = offset & ~3; register < offset + data.Length; register += 4)
        {
            if (!_owned[register / 4]) continue;
            uint value = Read(register);
            for (int i = FirstByte(register); i < 4; i++)
            {
                int at = register + i - offset;
                if ((uint)at < (uint)data.Length) data[at] = (byte)(value >> (8 * i));
            }
        }
    }

    /// <summary>Gives the device its bytes of what the guest writes.</summary>
    public void Write(int offset, ReadOnlySpan<byte> data)
    {
        for (int register = offset & ~3; register < offset + data.Length; register += 4)
        {
            if (!_owned[register / 4]) continue;
            uint value = 0, mask = 0;
            for (int i = FirstByte(register); i < 4; i++)
            {
                int at = register + i - offset;
                if ((uint)at >= (uint)data.Length) continue;
                value |= (uint)data[at] << (8 * i);
                mask |= 0xffu << (8 * i);
            }

            if (mask != 0) Write(register, value, mask);
        }
    }

    private int FirstByte(int register) => _config.IsCapabilityHeader(register) ? HeaderLength : 0;

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private uint Read(int register)
    {
        if (_latch.IsSet) return uint.MaxValue;
        try
        {
            return Device.ReadConfig(register);
        }
        catch (Exception e)
        {
            _latch.Blame(nameof(IPciConfigSpace.ReadConfig), e);
            return uint.MaxValue;
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a plugin throws ends that device only")]
    private void Write(int register, uint value, uint mask)
    {
        if (_latch.IsSet) return;
        try
        {
            Device.WriteConfig(register, value, mask);
        }
        catch (Exception e)
        {
            _latch.Blame(nameof(IPciConfigSpace.WriteConfig), e);
        }
    }
}
