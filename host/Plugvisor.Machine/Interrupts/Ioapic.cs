using System.Buffers.Binary;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Interrupts;

/// <summary>
/// The I/O APIC (Intel 82093AA data sheet, section 3) in front of the kernel's local APICs. Each unmasked pin is a GSI route, so that
/// the kernel knows which vectors need an end-of-interrupt exit; an edge on a pin becomes one MSI.
/// </summary>
public sealed class Ioapic : IBusDevice
{
    /// <summary>Where the register window lies.</summary>
    public const ulong Address = 0xFEC0_0000;

    /// <summary>Length of the register window.</summary>
    public const ulong Length = 0x20;

    private const int Pins = (int)MsiRouter.IoapicPins;
    private const uint Version = ((Pins - 1) << 16) | 0x11;

    private const ulong MaskBit = 1 << 16;
    private const ulong LevelBit = 1 << 15;
    private const ulong RemoteIrrBit = 1 << 14;
    private const ulong DeliveryStatusBit = 1 << 12;

    private readonly IVm _vm;
    private readonly MsiRouter _router;
    private readonly Lock _lock = new();
    private readonly ulong[] _entries = new ulong[Pins];
    private readonly bool[] _levels = new bool[Pins];
    private uint _pendingEdges;
    private byte _select;
    private byte _id;

    /// <summary>An I/O APIC with every pin masked.</summary>
    public Ioapic(IVm vm, MsiRouter router)
    {
        _vm = vm;
        _router = router;
        MaskAll();
    }

    /// <summary>The wire to a pin.</summary>
    public IInterruptLine Line(int pin)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pin);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(pin, Pins);
        return new PinLine(this, pin);
    }

    /// <summary>Puts the controller in its state after power-on.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            MaskAll();
            Array.Clear(_levels);
            _pendingEdges = 0;
            _select = 0;
            for (uint pin = 0; pin < Pins; pin++) _router.Clear(pin);
            _router.Commit();
        }
    }

    /// <summary>Drives a level-triggered pin.</summary>
    public void SetLevel(int pin, bool asserted)
    {
        lock (_lock)
        {
            _levels[pin] = asserted;
            if (asserted) DeliverLevel(pin);
        }
    }

    /// <summary>The guest acknowledged a level-triggered vector (KVM_EXIT_IOAPIC_EOI).</summary>
    public void EndOfInterrupt(byte vector)
    {
        lock (_lock)
        {
            for (int pin = 0; pin < Pins; pin++)
            {
                if ((byte)_entries[pin] != vector || (_entries[pin] & LevelBit) == 0) continue;
                _entries[pin] &= ~RemoteIrrBit;
                DeliverLevel(pin);
            }
        }
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        if (data.Length != 4) return;
        lock (_lock)
        {
            uint value = offset switch
            {
                0x00 => _select,
                0x10 => ReadRegister(),
                _ => 0xffff_ffff,
            };
            BinaryPrimitives.WriteUInt32LittleEndian(data, value);
        }
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty) return;
        uint value = data.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(data) : data[0];
        lock (_lock)
        {
            if (offset == 0x00) _select = (byte)value;
            else if (offset == 0x10 && data.Length >= 4) WriteRegister(value);
        }
    }

    private uint ReadRegister() => _select switch
    {
        0x00 or 0x02 => (uint)_id << 24,
        0x01 => Version,
        >= 0x10 and < 0x10 + (2 * Pins) => (uint)(_entries[(_select - 0x10) / 2] >> (32 * (_select & 1))),
        _ => 0,
    };

    private void WriteRegister(uint value)
    {
        if (_select == 0)
        {
            _id = (byte)((value >> 24) & 0xf);
            return;
        }

        if (_select is < 0x10 or >= 0x10 + (2 * Pins)) return;
        int pin = (_select - 0x10) / 2;
        const ulong readOnly = RemoteIrrBit | DeliveryStatusBit;
        ulong old = _entries[pin];
        ulong entry = (_select & 1) == 0
            ? (old & 0xffff_ffff_0000_0000) | (value & ~readOnly) | (old & readOnly)
            : (old & 0xffff_ffff) | ((ulong)value << 32);
        if ((entry & LevelBit) == 0) entry &= ~RemoteIrrBit;   // a pin that turns to edge forgets what it waited for
        _entries[pin] = entry;
        if ((entry & MaskBit) != 0) _router.Clear((uint)pin);
        else _router.Set((uint)pin, MessageAddress(entry), MessageData(entry));
        _router.Commit();
        if ((entry & MaskBit) != 0) return;
        if ((_pendingEdges & (1u << pin)) != 0) Edge(pin);
        DeliverLevel(pin);
    }

    private void Edge(int pin)
    {
        ulong entry = _entries[pin];
        if ((entry & MaskBit) != 0)
        {
            // Kept, not lost: an edge from a device that runs before its driver has unmasked the pin.
            _pendingEdges |= 1u << pin;
            return;
        }

        _pendingEdges &= ~(1u << pin);
        _vm.SignalMsi(MessageAddress(entry), MessageData(entry));
    }

    // Not Array.Fill, which would be compiled at run time, when the VM starts.
    private void MaskAll()
    {
        for (int i = 0; i < Pins; i++) _entries[i] = MaskBit;
    }

    private void DeliverLevel(int pin)
    {
        ulong entry = _entries[pin];
        if (!_levels[pin] || (entry & (MaskBit | RemoteIrrBit)) != 0 || (entry & LevelBit) == 0) return;
        _entries[pin] |= RemoteIrrBit;
        _vm.SignalMsi(MessageAddress(entry), MessageData(entry));
    }

    // Intel SDM volume 3, section 11.11: destination in bits 19:12, destination mode in bit 2.
    private static ulong MessageAddress(ulong entry) =>
        0xFEE0_0000 | (((entry >> 56) & 0xff) << 12) | (((entry >> 11) & 1) << 2);

    // Vector 7:0, delivery mode 10:8, level assert 14, trigger mode 15.
    private static uint MessageData(ulong entry) =>
        (uint)((entry & 0x7ff) | (1 << 14) | (entry & LevelBit));

    private sealed class PinLine(Ioapic ioapic, int pin) : IInterruptLine
    {
        public void Pulse()
        {
            lock (ioapic._lock) ioapic.Edge(pin);
        }
    }
}
