using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Legacy;

/// <summary>
/// The CMOS clock and memory at ports 0x70 and 0x71 (Motorola MC146818A data sheet): UTC time in BCD, memory sizes where firmware
/// looks for them, and shutdown status 0 as a reset request. Alarms and periodic interrupts do not exist.
/// </summary>
public sealed class Cmos : IBusDevice
{
    /// <summary>The index port.</summary>
    public const ushort Port = 0x70;

    /// <summary>Number of ports.</summary>
    public const int Length = 2;

    private const byte ResetIndex = 0x8f;   // shutdown status with NMIs masked; Linux clears 0x0f while it starts its CPUs

    private readonly IMachineEvents _events;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private readonly byte[] _memory = new byte[128];
    private byte _index;

    /// <summary>A CMOS that knows how much RAM there is.</summary>
    /// <param name="events">Where a reset request goes.</param>
    /// <param name="clock">The time that the guest reads.</param>
    /// <param name="below4GiB">Bytes of RAM below the 32-bit hole.</param>
    /// <param name="above4GiB">Bytes of RAM above 4 GiB.</param>
    public Cmos(IMachineEvents events, TimeProvider clock, ulong below4GiB, ulong above4GiB)
    {
        _events = events;
        _clock = clock;
        const ulong sixteenMiB = 16 << 20;
        ulong extended = below4GiB > sixteenMiB ? Math.Min((below4GiB - sixteenMiB) / 65536, 0xffff) : 0;
        ulong high = Math.Min(above4GiB / 65536, 0xff_ffff);
        _memory[0x34] = (byte)extended;
        _memory[0x35] = (byte)(extended >> 8);
        _memory[0x5b] = (byte)high;
        _memory[0x5c] = (byte)(high >> 8);
        _memory[0x5d] = (byte)(high >> 16);
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        if (data.Length != 1) return;
        lock (_lock) data[0] = offset == 1 ? ReadRegister(_index & 0x7f) : (byte)0xff;
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length != 1) return;
        bool reset;
        lock (_lock)
        {
            if (offset == 0)
            {
                _index = data[0];
                return;
            }

            reset = _index == ResetIndex && data[0] == 0;
            int register = _index & 0x7f;   // bit 7 masks NMIs on real hardware
            if (register > 0x0d && !IsMemorySize(register)) _memory[register] = data[0];
        }

        if (reset) _events.OnReset("CMOS shutdown status 0");
    }

    private static bool IsMemorySize(int index) => index is 0x34 or 0x35 or 0x5b or 0x5c or 0x5d;

    private byte ReadRegister(int index)
    {
        DateTime now = _clock.GetUtcNow().UtcDateTime;
        return index switch
        {
            0x00 => Bcd(now.Second),
            0x02 => Bcd(now.Minute),
            0x04 => Bcd(now.Hour),
            0x06 => Bcd((int)now.DayOfWeek + 1),
            0x07 => Bcd(now.Day),
            0x08 => Bcd(now.Month),
            0x09 => Bcd(now.Year % 100),
            0x0a => 0x26,   // 32.768 kHz time base, default rate, no update in progress
            0x0b => 0x02,   // 24 hours, BCD
            0x0c => 0x00,
            0x0d => 0x80,   // valid RAM and time
            0x32 => Bcd(now.Year / 100),
            _ => _memory[index],
        };
    }

    private static byte Bcd(int value) => (byte)((value / 10 << 4) | (value % 10));
}
